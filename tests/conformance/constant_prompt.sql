-- A template that names no column asks the same of every row: refused, unless it is wanted.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = 'Name the topic: {text}';
-- expect error: write {{ text }} instead of {text}, or say constant_prompt = true

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = 'Say one word.', constant_prompt = true;

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Say one word.>
-- 2,<Say one word.>
-- expect requests: 1

CREATE MODEL n PREDICT answer USING engine = 'e', prompt_template = 'About {{Review Text}}';
-- expect error: {{ row["Review Text"] }}
