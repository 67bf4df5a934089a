-- ON says which column of the data is the model's.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m ON t.text = m.question WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
