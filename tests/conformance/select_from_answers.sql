-- A SELECT over what models have answered.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT s.answer FROM (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3) AS s WHERE s.id = 2;
-- expect:
-- answer
-- "<Leaks, and smells>"
