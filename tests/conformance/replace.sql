-- CREATE OR REPLACE and DROP leave nothing of the earlier options.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', max_tokens = 70;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';
-- expect error: exist

CREATE MODEL IF NOT EXISTS m PREDICT answer USING engine = 'e', column = 'text', max_tokens = 90;

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one> max 70

CREATE OR REPLACE MODEL m PREDICT reply USING engine = 'e', column = 'text', model = 'gpt-4o';

SELECT reply FROM m WHERE text = 'one';
-- expect:
-- reply
-- <one> by gpt-4o

DROP MODEL m;

SELECT reply FROM m WHERE text = 'one';
-- expect error: m

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one>
