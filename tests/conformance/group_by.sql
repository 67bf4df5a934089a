-- Answers are counted by what they say, and by what was asked.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.product, COUNT(m.answer) AS answers FROM files.reviews AS t JOIN m GROUP BY t.product ORDER BY t.product;
-- expect:
-- product,answers
-- chair,1
-- desk,2
-- kettle,2
-- lamp,2

SELECT m.answer, COUNT(*) AS n FROM files.reviews AS t JOIN m WHERE t.text IS NOT NULL GROUP BY m.answer HAVING COUNT(*) > 1;
-- expect:
-- answer,n
-- <Boils fast>,2

SELECT COUNT(*) AS n, MAX(t.stars) AS most FROM files.reviews AS t JOIN m;
-- expect:
-- n,most
-- 8,5
