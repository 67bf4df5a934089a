-- USING of a query holds for that query.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 1 USING max_tokens = 70, model = 'gpt-4o';
-- expect:
-- id,answer
-- 1,<Boils fast> by gpt-4o max 70

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 1 USING m.max_tokens = 80;
-- expect:
-- id,answer
-- 1,<Boils fast> max 80

SELECT answer FROM m WHERE text = 'one' USING temperature = 0.5;
-- expect:
-- answer
-- <one> at 0.5

SELECT answer FROM m WHERE text = 'one' USING temperature = '1e-1', max_tokens = '90';
-- expect:
-- answer
-- <one> max 90 at 0.1

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 1;
-- expect:
-- id,answer
-- 1,<Boils fast>
