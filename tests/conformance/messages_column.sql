-- A column holds a whole conversation per row, as JSON.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', messages_column = 'talk', system_prompt = 'You translate';

SELECT answer FROM m WHERE talk = '[{"role": "user", "content": "Good morning"}]';
-- expect:
-- answer
-- You translate: <Good morning>

SELECT answer FROM m
WHERE talk = '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "{{c}}"}]';
-- expect:
-- answer
-- You translate: user a: assistant b: <{{c}}>

SELECT t.id, m.answer
FROM (
    SELECT id, '[{"role": "user", "content": "' || product || '"}]' AS talk FROM files.reviews WHERE id < 4
) AS t JOIN m ORDER BY t.id;
-- expect:
-- id,answer
-- 1,You translate: <kettle>
-- 2,You translate: <kettle>
-- 3,You translate: <lamp>
-- expect requests: 2

SELECT answer FROM m WHERE talk = '';
-- expect:
-- answer
-- NULL
-- expect requests: 0

SELECT answer FROM m WHERE talk = 'Good morning';
-- expect error: talk: not JSON
-- expect requests: 0

SELECT answer FROM m WHERE talk = '[{"content": "Good morning"}]';
-- expect error: message 1 has no role
-- expect requests: 0

SELECT answer FROM m WHERE text = 'Good morning';
-- expect error: messages_column = 'talk'
-- expect requests: 0
