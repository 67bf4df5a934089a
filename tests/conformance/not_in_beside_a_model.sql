-- NOT IN (SELECT …) above the JOIN with a model, where the SELECT has none, one or two rows; and what is
-- greater than everything that is kept, or than 0 where nothing is.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id < 4 AND t.id NOT IN (SELECT id FROM files.reviews WHERE id < 1) ORDER BY t.id;
-- expect partly:
-- id
-- 1
-- 2
-- 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id < 4 AND t.id NOT IN (SELECT id FROM files.reviews WHERE id = 1) ORDER BY t.id;
-- expect partly:
-- id
-- 2
-- 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id < 4 AND t.id NOT IN (SELECT id FROM files.reviews WHERE id < 3) ORDER BY t.id;
-- expect partly:
-- id
-- 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id < 4 AND t.id > (SELECT coalesce(max(id), 0) FROM files.reviews WHERE id < 1) ORDER BY t.id;
-- expect partly:
-- id
-- 1
-- 2
-- 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.id < 4 AND t.id > (SELECT coalesce(max(id), 0) FROM files.reviews WHERE id < 3) ORDER BY t.id;
-- expect partly:
-- id
-- 3
