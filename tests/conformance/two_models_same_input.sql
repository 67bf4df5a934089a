-- Two models are asked about the same column.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE MODEL n PREDICT second USING engine = 'e', column = 'text', model = 'gpt-4o';

SELECT t.id, m.answer, n.second FROM files.reviews AS t JOIN m JOIN n WHERE t.id = 1;
-- expect:
-- id,answer,second
-- 1,<Boils fast>,<Boils fast> by gpt-4o
-- expect requests: 2
