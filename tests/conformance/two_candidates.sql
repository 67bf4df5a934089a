-- Without a column a table of several columns is an error that names them and both remedies.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e';

SELECT t.id, m.answer FROM files.questions AS t JOIN m;
-- expect error: question
-- expect requests: 0

SELECT d.question, m.answer FROM (SELECT question FROM files.questions WHERE id = 1) AS d JOIN m;
-- expect:
-- question,answer
-- Where is Stockholm located?,<Where is Stockholm located?>
