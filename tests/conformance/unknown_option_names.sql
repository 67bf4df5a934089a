-- An unknown parameter goes through `parameters`, and only there.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', parameters = {"temperature": 0.25};

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> at 0.25

CREATE MODEL n PREDICT answer USING engine = 'e', column = 'text', vendor_wish = 1;
-- expect error: parameters
