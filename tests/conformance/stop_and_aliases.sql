-- Options that other integrations know by other names.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', stop_sequences = 'END';

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one>
