-- What was answered is not paid again: in another order, by another model, after the model was made anew.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 4 ORDER BY t.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>
-- expect requests: 3

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 5 ORDER BY t.id DESC;
-- expect:
-- id,answer
-- 4,<とても明るい ✨>
-- 3,<Schönes Licht>
-- 2,"<Leaks, and smells>"
-- 1,<Boils fast>
-- expect requests: 1

DROP MODEL m;

CREATE MODEL m PREDICT other USING engine = 'e', prompt_template = '{{text}}', max_attempts = 2;

SELECT t.id, m.other FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,other
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- expect requests: 0

SELECT t.id, m.other FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id USING reuse = 'never';
-- expect:
-- id,other
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- expect requests: 2

SELECT t.id, m.other FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id USING max_tokens = 101;
-- expect:
-- id,other
-- 1,<Boils fast> max 101
-- 2,"<Leaks, and smells> max 101"
-- expect requests: 2

SELECT t.id, m.other FROM files.reviews AS t JOIN m WHERE t.id = 1 USING reuse = 'soon';
-- expect error: reuse = 'soon': expected a duration such as '30m', '24h' or '7d', or 'never'
