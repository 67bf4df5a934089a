-- What stands in a file is what is asked: codes keep their zeros, N/A is a text.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'code';

SELECT t.id, t.code, m.answer FROM files.awkward AS t JOIN m ORDER BY t.id;
-- expect:
-- id,code,answer
-- 1,007,<007>
-- 2,N/A,<N/A>
-- 3,None,<None>
