-- Quotes and backslashes at the ends of a text stay.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT answer FROM m WHERE text = '''quoted''';
-- expect:
-- answer
-- <'quoted'>

SELECT t.id, m.answer FROM (SELECT 1 AS id, concat(chr(39), 'quoted', chr(39)) AS text) AS t JOIN m;
-- expect:
-- id,answer
-- 1,<'quoted'>
