-- By default a failed row is an error that says how many are kept; with on_error it is NULL with its reason.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT d.text, m.answer FROM (SELECT text FROM files.reviews WHERE id = 1) AS d JOIN m USING on_error = 'null';
-- expect:
-- text,answer
-- Boils fast,<Boils fast>

SELECT answer, answer_error FROM m WHERE text = 'refuse me' USING on_error = 'null';
-- expect partly:
-- answer
-- NULL
-- expect requests: 1

SELECT answer FROM m WHERE text = 'refuse me';
-- expect error: The text was refused.
-- expect requests: 1

SELECT t.id, m.answer
FROM files.reviews AS t JOIN m WHERE t.id < 3 AND m.answer_error IS NULL ORDER BY t.id
USING on_error = 'null';
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
