-- Without rows there are the same columns, and nothing is asked.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT verdict USING engine = 'e', column = 'text', output = 'tone string, words integer', on_error = 'null';

SELECT t.id, m.tone, m.words, m.verdict_error FROM files.reviews AS t JOIN m WHERE t.id > 1000;
-- expect:
-- id,tone,words,verdict_error
-- expect requests: 0

SELECT count(*) AS n, sum(m.words) AS words FROM files.reviews AS t JOIN m WHERE t.id > 1000;
-- expect:
-- n,words
-- 0,NULL
-- expect requests: 0
