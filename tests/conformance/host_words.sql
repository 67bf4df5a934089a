-- Words that MindsDB keeps for itself in USING are no options of ours, and no error.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', tag = 'first', join_learn_process = true;

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 4 ORDER BY t.id USING partition_size = 2;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>
-- expect requests: 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id USING threads = 2, error = 'skip';
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
