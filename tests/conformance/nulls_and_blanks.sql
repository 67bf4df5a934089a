-- NULL, empty and blank texts are not sent.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT d.id, m.answer FROM (SELECT id, text FROM files.reviews WHERE id = 7) AS d JOIN m;
-- expect:
-- id,answer
-- 7,NULL
-- expect requests: 0

SELECT answer FROM m WHERE text = '';
-- expect:
-- answer
-- NULL
-- expect requests: 0

SELECT answer FROM m WHERE text = '   ';
-- expect:
-- answer
-- NULL
-- expect requests: 0
