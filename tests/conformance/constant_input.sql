-- A condition on the model's input is a constant column of its rows.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = '{{language}}: {{text}}';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE m.language = 'es' AND t.id < 3 ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<es: Boils fast>
-- 2,"<es: Leaks, and smells>"
-- expect requests: 2
