-- A quote in a text is written twice.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM m WHERE text = 'It''s fine';
-- expect:
-- answer
-- <It's fine>
