-- Expressions over data and answers, with names of their own.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id + 1 AS next, UPPER(m.answer) AS loud, LENGTH(m.answer) AS letters, t.stars * 2 AS twice
FROM files.reviews AS t JOIN m WHERE t.id = 1;
-- expect:
-- next,loud,letters,twice
-- 2,<BOILS FAST>,12,10

SELECT t.id, CASE WHEN t.stars > 3 THEN 'good' ELSE 'bad' END AS verdict, COALESCE(m.answer, 'none') AS answer
FROM files.reviews AS t JOIN m WHERE t.id IN (6, 7) ORDER BY t.id;
-- expect:
-- id,verdict,answer
-- 6,bad,<Bonita\npero pequeña>
-- 7,good,none

SELECT t.id, m.answer AS reply, 'x' AS letter, 7 AS number FROM files.reviews AS t JOIN m WHERE t.id = 8;
-- expect:
-- id,reply,letter,number
-- 8,<Boils fast>,x,7
