-- A model that the provider does not have is an error that says what to write.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', model = 'no-such-model';

SELECT answer FROM m WHERE text = 'one';
-- expect error: no-such-model
-- expect requests: 1

SELECT answer FROM m WHERE text = 'one' USING model = 'gpt-4o';
-- expect:
-- answer
-- <one> by gpt-4o
