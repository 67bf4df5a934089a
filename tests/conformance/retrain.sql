-- RETRAIN keeps the earlier options and lays the new ones over them.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', max_tokens = 70, model = 'gpt-4o';

RETRAIN m USING model = 'gpt-4o-mini';

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> by gpt-4o-mini max 70

RETRAIN m USING max_tokens = 80;

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> by gpt-4o-mini max 80

RETRAIN m USING max_tokens = 'many';
-- expect error: max_tokens

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> by gpt-4o-mini max 80
