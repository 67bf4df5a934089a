-- A star over one row asked of the model.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer, text FROM m WHERE text = 'one';
-- expect:
-- answer,text
-- <one>,one

SELECT * FROM m WHERE text = 'one';
-- expect partly:
-- text,answer
-- one,<one>
