-- The rows that are new to a table, chosen below the JOIN: also while the table has none, one or all of them.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE TABLE files.kept (SELECT id, text AS answer FROM files.reviews WHERE id < 1);

INSERT INTO files.kept
SELECT t.id, m.answer
FROM (SELECT * FROM files.reviews WHERE id = 1 AND id NOT IN (SELECT id FROM files.kept)) AS t JOIN m;
-- expect requests: 1

INSERT INTO files.kept
SELECT t.id, m.answer
FROM (SELECT * FROM files.reviews WHERE id < 3 AND id NOT IN (SELECT id FROM files.kept)) AS t JOIN m;
-- expect requests: 1

INSERT INTO files.kept
SELECT t.id, m.answer
FROM (SELECT * FROM files.reviews WHERE id < 3 AND id NOT IN (SELECT id FROM files.kept)) AS t JOIN m;
-- expect requests: 0

SELECT id, answer FROM files.kept ORDER BY id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
