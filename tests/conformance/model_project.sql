-- A model can be named with its project.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL mindsdb.m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN mindsdb.m AS m WHERE t.id = 1;
-- expect:
-- id,answer
-- 1,<Boils fast>

SELECT answer FROM mindsdb.m WHERE text = 'one';
-- expect:
-- answer
-- <one>
