-- A LEFT JOIN with a model is a JOIN with it.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t LEFT JOIN m WHERE t.id IN (1, 7) ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 7,NULL
