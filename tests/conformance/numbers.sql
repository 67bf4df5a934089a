-- Whole numbers stay whole beside NULL, and long ones keep every digit.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = '{{whole}}';

SELECT t.id, m.answer FROM files.numbers AS t JOIN m ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<10>
-- 2,<9007199254740993>
-- 3,NULL
