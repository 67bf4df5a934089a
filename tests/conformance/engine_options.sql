-- An engine's options hold for its models, and wrong ones are refused when it is made.
CREATE ML_ENGINE e FROM portkey USING max_tokens = 60, model = 'gpt-4o';

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> by gpt-4o max 60

SELECT answer FROM m WHERE text = 'one' USING max_tokens = 50;
-- expect:
-- answer
-- <one> by gpt-4o max 50

CREATE ML_ENGINE e FROM portkey;
-- expect error: exist

CREATE ML_ENGINE IF NOT EXISTS e FROM portkey;

CREATE ML_ENGINE f FROM portkey USING provder = 'openai';
-- expect error: provider

CREATE ML_ENGINE f FROM portkey USING base_url = 'http://127.0.0.1:9/v1';
-- expect error: 127.0.0.1:9
