-- A condition on the answer is applied to the answers.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE m.answer LIKE '%fast%' ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 8,<Boils fast>

SELECT t.id FROM files.reviews AS t JOIN m WHERE m.answer IS NULL;
-- expect:
-- id
-- 7
