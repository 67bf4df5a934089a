-- A file that is not there is named, and nothing is sent.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.nothing AS t JOIN m;
-- expect error: nothing
-- expect requests: 0
