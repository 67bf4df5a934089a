-- Any SELECT in brackets is data.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT d.n, m.answer
FROM (SELECT product AS text, COUNT(*) AS n FROM files.reviews GROUP BY product) AS d JOIN m ORDER BY m.answer;
-- expect:
-- n,answer
-- 2,<chair>
-- 2,<desk>
-- 2,<kettle>
-- 2,<lamp>
-- expect requests: 4

SELECT d.id, m.answer
FROM (SELECT id, text FROM files.reviews WHERE lang = 'en' ORDER BY id LIMIT 2) AS d JOIN m ORDER BY d.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- expect requests: 2
