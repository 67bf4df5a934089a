-- A column that the rows lack is an error that names the columns there are.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'txt';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m;
-- expect error: txt
-- expect requests: 0
-- expect error: product

SELECT answer FROM m WHERE question = 'one';
-- expect error: question
