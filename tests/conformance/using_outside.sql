-- USING at the end of a statement holds for the models inside.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT * FROM (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 1 USING max_tokens = 9) AS s;
-- expect:
-- id,answer
-- 1,<Boils fast> max 9

SELECT * FROM (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 2) AS s USING max_tokens = 9;
-- expect:
-- id,answer
-- 2,"<Leaks, and smells> max 9"
