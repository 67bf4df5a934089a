-- A conversation is written into the model, with columns of the row in it.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING
    engine = 'e',
    messages = [
        {"role": "system", "content": "You sell a {{product}}"},
        {"role": "user", "content": "Is it good?"},
        {"role": "assistant", "content": "It has {{stars|int}} stars"},
        {"role": "user", "content": "And {{text}}?"}
    ];

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,answer
-- 1,You sell a kettle: user Is it good?: assistant It has 5 stars: <And Boils fast?>
-- 2,"You sell a kettle: user Is it good?: assistant It has 1 stars: <And Leaks, and smells?>"
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id = 3
USING messages = '[{"role": "user", "content": "Translate: {{text}}"}]';
-- expect:
-- id,answer
-- 3,<Translate: Schönes Licht>

SELECT answer FROM m WHERE product = 'lamp' AND text = '{{ stars }}' AND stars = 2;
-- expect:
-- answer
-- You sell a lamp: user Is it good?: assistant It has 2 stars: <And {{ stars }}?>

SELECT answer FROM m WHERE product = 'lamp';
-- expect error: stars
-- expect requests: 0

CREATE MODEL wrong PREDICT answer USING engine = 'e', messages = [{"content": "Is it good?"}];
-- expect error: messages

CREATE MODEL wrong PREDICT answer USING engine = 'e', column = 'text', messages = [{"role": "user", "content": "a"}];
-- expect error: column and messages both say what to ask; give one of them

CREATE MODEL wrong PREDICT answer USING engine = 'e', messages = [{"role": "user", "content": "{{ text"}];
-- expect error: messages[0].content
