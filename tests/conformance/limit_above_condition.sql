-- A LIMIT counts the rows that meet a condition on the answer, not the rows before it.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE m.answer LIKE '%Licht%' LIMIT 2;
-- expect:
-- id,answer
-- 3,<Schönes Licht>

SELECT DISTINCT t.lang FROM files.reviews AS t JOIN m WHERE t.lang IN ('en', 'de') LIMIT 2;
-- expect:
-- lang
-- en
-- de
