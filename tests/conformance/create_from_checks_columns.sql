-- CREATE MODEL … FROM looks whether those rows have the columns; they are asked nothing.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m FROM files (SELECT * FROM reviews) PREDICT answer USING engine = 'e', column = 'text';
-- expect requests: 0

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one>

CREATE MODEL a FROM files (SELECT * FROM reviews) PREDICT answer USING engine = 'e', column = 'txt';
-- expect error: column = 'txt' is not among the rows' columns, did you mean 'text'?
-- expect requests: 0

CREATE MODEL b FROM files (SELECT id, text FROM reviews) PREDICT answer USING
    engine = 'e', prompt_template = 'What of {{product}}: {{text}}';
-- expect error: product

CREATE MODEL c FROM files (SELECT id, text FROM reviews) PREDICT answer USING
    engine = 'e', messages = [{"role": "user", "content": "What of {{product}}: {{text}}"}];
-- expect error: product

CREATE MODEL d FROM files (SELECT id, text FROM reviews) PREDICT answer USING
    engine = 'e', column = 'text', image_column = 'photo';
-- expect error: image_column = 'photo'

CREATE MODEL f FROM files (SELECT id, text FROM reviews) PREDICT rest USING
    engine = 'e', mode = 'completion', prompt_template = 'What of {{product}}: {{text}}';
-- expect error: product

CREATE MODEL g FROM files (SELECT id, text FROM reviews) PREDICT vector USING
    engine = 'e', mode = 'embedding', model = 'text-embedding-3-small', column = 'txt';
-- expect error: column = 'txt'

CREATE MODEL h FROM files (SELECT id, text FROM reviews) PREDICT answer USING
    engine = 'e', mode = 'request', path = '/moderations', body = {"input": "{{txt}}"};
-- expect error: txt

CREATE MODEL i FROM files (SELECT id, text FROM reviews) PREDICT answer USING
    engine = 'e', mode = 'prompt', prompt_id = 'p', variables = ["product"];
-- expect error: product
-- expect requests: 0
