-- Texts are put together by CONCAT.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT CONCAT(t.product, ': ', m.answer) AS line FROM files.reviews AS t JOIN m WHERE t.id = 1;
-- expect:
-- line
-- kettle: <Boils fast>
