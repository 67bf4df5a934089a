-- What is dropped is gone, and what is not there can't be dropped unless IF EXISTS allows it.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

DROP MODEL m;

SELECT answer FROM m WHERE text = 'one';
-- expect error: m

DROP MODEL m;
-- expect error: m

DROP MODEL IF EXISTS m;

DROP ML_ENGINE e;

DROP ML_ENGINE e;
-- expect error: e

DROP ML_ENGINE IF EXISTS e;
