-- Answers become a file, and only new rows are asked the next time.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE TABLE files.kept (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3);
-- expect requests: 2

SELECT id, answer FROM files.kept ORDER BY id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- expect requests: 0

INSERT INTO files.kept (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 3);
-- expect requests: 1

SELECT id, answer FROM files.kept ORDER BY id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>

CREATE TABLE files.kept (SELECT id FROM files.reviews);
-- expect error: kept

CREATE OR REPLACE TABLE files.kept (SELECT id FROM files.reviews WHERE id > 6);

SELECT id FROM files.kept ORDER BY id;
-- expect:
-- id
-- 7
-- 8

DROP TABLE files.kept;

SELECT id FROM files.kept;
-- expect error: kept
