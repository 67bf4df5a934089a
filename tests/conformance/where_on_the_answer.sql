-- WHERE on an answer of one row: MindsDB would give the value back as the answer, so it is refused there.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM (SELECT answer FROM m WHERE text = 'one') AS s WHERE answer = '<one>';
-- expect:
-- answer
-- <one>

SELECT t.id FROM files.reviews AS t JOIN m WHERE m.answer IN ('<Boils fast>') ORDER BY t.id;
-- expect:
-- id
-- 1
-- 8
