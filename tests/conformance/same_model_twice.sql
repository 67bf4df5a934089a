-- One model under two names, each with options of its own.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.id, a.answer AS first, b.answer AS second
FROM files.reviews AS t JOIN m AS a JOIN m AS b WHERE t.id = 1
USING a.model = 'gpt-4o', b.model = 'gpt-4o-mini';
-- expect:
-- id,first,second
-- 1,<Boils fast> by gpt-4o,<Boils fast> by gpt-4o-mini
-- expect requests: 2
