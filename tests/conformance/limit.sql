-- Nobody pays for rows that a LIMIT throws away.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', reuse = 'never';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m LIMIT 2;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN m ORDER BY t.id DESC LIMIT 3;
-- expect:
-- id,answer
-- 8,<Boils fast>
-- 7,NULL
-- 6,<Bonita\npero pequeña>
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN m ORDER BY t.id LIMIT 2 OFFSET 2;
-- expect:
-- id,answer
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- expect requests: 2
