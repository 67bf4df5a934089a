-- A template that asks for a column the rows lack is an error with the nearest name, and nothing is sent.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = 'Rate {{prodct}}';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m;
-- expect error: prodct
-- expect requests: 0
-- expect error: product
