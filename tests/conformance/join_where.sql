-- A condition on the data is applied before rows are sent.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', reuse = 'never';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.stars >= 4 AND t.lang = 'en' ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 7,NULL
-- 8,<Boils fast>
-- expect requests: 1

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.product IN ('lamp', 'desk') AND t.id < 5 ORDER BY t.id;
-- expect:
-- id,answer
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id BETWEEN 5 AND 6 ORDER BY t.id;
-- expect:
-- id,answer
-- 5,"<He said ""wobbly"" and left>"
-- 6,<Bonita\npero pequeña>
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.text LIKE 'Boils%' AND t.id > 1;
-- expect:
-- id,answer
-- 8,<Boils fast>
-- expect requests: 1

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.stars IS NULL;
-- expect:
-- id,answer
-- 4,<とても明るい ✨>
-- expect requests: 1

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 99;
-- expect:
-- id,answer
-- expect requests: 0
