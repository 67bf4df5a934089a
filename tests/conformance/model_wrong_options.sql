-- Wrong options of CREATE MODEL are refused by CREATE MODEL itself, all at once, without their values.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', colum = 'secret-text';
-- expect error: column

CREATE MODEL m PREDICT answer USING engine = 'e', max_tokens = 'many', temperature = 'warm';
-- expect error: max_tokens
-- expect error: temperature

CREATE MODEL m PREDICT answer USING engine = 'e', max_tokens = 0;
-- expect error: max_tokens

CREATE MODEL m PREDICT answer USING engine = 'e', max_tokens = '-1';
-- expect error: max_tokens

CREATE MODEL m PREDICT answer USING engine = 'e', stream = true;
-- expect error: stream

CREATE MODEL m PREDICT answer USING engine = 'e', portkey_api_key = 'secret-text';
-- expect error: CREATE ML_ENGINE

CREATE MODEL m PREDICT answer USING engine = 'e', custom_host = 'http://127.0.0.1:1/v1';
-- expect error: CREATE ML_ENGINE

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = '{{ text';
-- expect error: prompt_template

SELECT answer FROM m WHERE text = 'one';
-- expect error: m
