-- Three new rows are three requests.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE TABLE files.kept (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 4);
-- expect requests: 3

INSERT INTO files.kept
SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id NOT IN (SELECT id FROM files.kept) AND t.id < 7;
-- expect requests: 3

SELECT id, answer FROM files.kept ORDER BY id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- 5,"<He said ""wobbly"" and left>"
-- 6,<Bonita\npero pequeña>
