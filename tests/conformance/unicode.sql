-- Every script, quotes, braces and emoji go out and come back as they are.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT text, answer FROM m WHERE text = '¿Qué? ελληνικά עברית 漢字 👩🏽‍🚀';
-- expect:
-- text,answer
-- ¿Qué? ελληνικά עברית 漢字 👩🏽‍🚀,<¿Qué? ελληνικά עברית 漢字 👩🏽‍🚀>

SELECT answer FROM m WHERE text = 'He said "hi" {{ text }} {% x %}';
-- expect:
-- answer
-- "<He said ""hi"" {{ text }} {% x %}>"

SELECT t.id, m.answer FROM files.awkward AS t JOIN m ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<{{ id }} stays>
-- 2,<<b>bold</b> & 'quoted'>
-- 3,<back\slash %s $1>
