-- A star gives the table's columns and the model's, once each.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.*, m.answer FROM files.questions AS t JOIN m WHERE t.id = 1;
-- expect error: text

SELECT t.*, n.answer FROM (SELECT id, question AS text FROM files.questions) AS t JOIN m AS n WHERE t.id = 2;
-- expect:
-- id,text,answer
-- 2,What is 2 + 2?,<What is 2 + 2?>
