-- A dry run sends nothing and says what the query would ask; the query after it is answered.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING
    engine = 'e', model = 'gpt-4o-mini', prompt_template = 'Short: {{text}}';

DESCRIBE m;
-- expect partly:
-- name,status
-- m,complete

SELECT t.id, m.answer, m.answer_error
FROM files.reviews AS t JOIN m WHERE t.id > 6 ORDER BY t.id
USING dry_run = true, on_error = 'null';
-- expect:
-- id,answer,answer_error
-- 7,NULL,nothing to ask: text is NULL or blank
-- 8,NULL,not asked: dry run
-- expect requests: 0

DESCRIBE m.estimate;
-- expect among:
-- what,value
-- model,gpt-4o-mini
-- rows,2
-- NULL or blank,1
-- cannot be sent,0
-- distinct,1
-- kept,0
-- requests,1
-- example,user: Short: Boils fast

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id > 6 ORDER BY t.id;
-- expect:
-- id,answer
-- 7,NULL
-- 8,<Short: Boils fast> by gpt-4o-mini
-- expect requests: 1

SELECT m.answer FROM files.reviews AS t JOIN m WHERE t.id > 6 AND t.text IS NOT NULL USING dry_run = true;
-- expect:
-- answer
-- NULL
-- expect requests: 0

DESCRIBE m.estimate;
-- expect among:
-- what,value
-- kept,1
-- requests,0
-- cost,nothing

SELECT t.id, m.answer FROM files.reviews AS t JOIN m USING max_rows = 3;
-- expect error: more than max_rows = 3, and nothing was sent
-- expect requests: 0

SELECT t.id, m.answer FROM files.reviews AS t JOIN m USING max_cost = 0.000001;
-- expect error: more than max_cost = 0.000001, and nothing was sent
-- expect requests: 0

SELECT t.id, m.answer FROM files.reviews AS t JOIN m USING max_cost = 1, model = 'nobody-knows-me';
-- expect error: the price of 'nobody-knows-me' is not known, and nothing was sent
-- expect requests: 0

SELECT answer FROM m WHERE text = 'new' USING max_cost = 1, max_rows = 1;
-- expect:
-- answer
-- <Short: new> by gpt-4o-mini
-- expect requests: 1
