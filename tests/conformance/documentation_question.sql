-- The documentation's example, word for word.
CREATE ML_ENGINE portkey_engine
FROM portkey
USING
    portkey_api_key = 'your-portkey-api-key';

CREATE MODEL portkey_model
PREDICT answer
USING
    column = 'question',
    engine = 'portkey_engine',
    max_tokens = 300,
    model = 'claude-2.1'; -- choose one of 'claude-instant-1.2', 'claude-2.1', 'claude-3-opus-20240229', 'claude-3-sonnet-20240229'

SELECT question, answer
FROM portkey_model
WHERE question = 'Where is Stockholm located?';
-- expect:
-- question,answer
-- Where is Stockholm located?,<Where is Stockholm located?> max 300
-- expect requests: 1
