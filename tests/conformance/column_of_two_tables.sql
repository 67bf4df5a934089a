-- Two tables of a JOIN have the column of the prompt: it must be said which one is meant.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT a.id, m.answer FROM files.reviews AS a JOIN files.awkward AS b ON a.id = b.id JOIN m WHERE a.id = 1;
-- expect error: text

SELECT a.id, m.answer FROM files.reviews AS a JOIN files.awkward AS b ON a.id = b.id JOIN m ON a.text = m.text WHERE a.id = 1;
-- expect:
-- id,answer
-- 1,<Boils fast>
