-- The forms in which people write a schema are understood or refused; no column is ever called type or items.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT verdict USING engine = 'e', column = 'text',
    output = '{"properties": {"tone": {"type": "string"}, "words": {"type": "integer"}}}';

SELECT m.tone, m.words FROM files.reviews AS t JOIN m WHERE t.id = 1;
-- expect:
-- tone,words
-- <Boils fast>,2

SELECT m.tone, m.words FROM files.reviews AS t JOIN m WHERE t.id = 1
USING output = '{"type": "OBJECT", "properties": {"tone": {"type": "STRING"}, "words": {"type": "INTEGER"}}}';
-- expect:
-- tone,words
-- <Boils fast>,2

CREATE MODEL n PREDICT verdict USING engine = 'e', column = 'text', output = '{"type": "array", "items": {"type": "string"}}';
-- expect error: output

CREATE MODEL n PREDICT verdict USING engine = 'e', column = 'text', output = 'due date, kind enum(a, b), many list[string], some varchar, price decimal';

SELECT n.kind, n.some FROM files.reviews AS t JOIN n WHERE t.id = 1;
-- expect:
-- kind,some
-- a,<Boils fast>
