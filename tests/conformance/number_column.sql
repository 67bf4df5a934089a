-- A column that holds numbers can be the text of a row.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'stars';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id IN (3, 4) ORDER BY t.id;
-- expect:
-- id,answer
-- 3,<4>
-- 4,NULL
-- expect requests: 1

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 3;
-- expect:
-- id,answer
-- 3,<4>
