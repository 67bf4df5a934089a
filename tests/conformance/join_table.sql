-- Every row of a table is answered; NULL is not sent and stays NULL; equal texts are asked once.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- 5,"<He said ""wobbly"" and left>"
-- 6,<Bonita\npero pequeña>
-- 7,NULL
-- 8,<Boils fast>
-- expect requests: 6
