-- Rows are put in order by data, by answers and by several columns.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id FROM files.reviews AS t JOIN m WHERE t.id < 4 ORDER BY m.answer DESC;
-- expect:
-- id
-- 3
-- 2
-- 1

SELECT t.id, t.stars FROM files.reviews AS t JOIN m WHERE t.stars IS NOT NULL ORDER BY t.stars DESC, t.id;
-- expect:
-- id,stars
-- 1,5
-- 7,5
-- 3,4
-- 8,4
-- 6,3
-- 5,2
-- 2,1
