-- What is wrong in USING of a query is said before anything is sent.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM m WHERE text = 'one' USING max_token = 7;
-- expect error: max_tokens
-- expect requests: 0

SELECT answer FROM m WHERE text = 'one' USING max_tokens = 'many';
-- expect error: max_tokens
-- expect requests: 0

SELECT answer FROM m WHERE text = 'one' USING base_url = 'http://127.0.0.1:1/v1';
-- expect error: CREATE ML_ENGINE
-- expect requests: 0

SELECT answer FROM m WHERE text = 'one' USING custom_host = 'http://127.0.0.1:1/v1';
-- expect error: CREATE ML_ENGINE
-- expect requests: 0
