-- Models of several modes stand in one query; an option that one of them does not know reaches the other.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL chat PREDICT answer USING engine = 'e', column = 'text';

CREATE MODEL emb PREDICT vector USING
    engine = 'e', mode = 'embedding', model = 'text-embedding-3-small', column = 'text', dimensions = 1;

SELECT t.id, chat.answer, emb.vector
FROM files.reviews AS t JOIN chat JOIN emb WHERE t.id = 1
USING temperature = 0.2;
-- expect:
-- id,answer,vector
-- 1,<Boils fast> at 0.2,[1.0]
-- expect requests: 2

SELECT t.id, a.answer AS first, b.answer AS second, emb.vector
FROM files.reviews AS t JOIN chat AS a JOIN chat AS b JOIN emb WHERE t.id = 1
USING a.model = 'gpt-4o', b.model = 'gpt-4o-mini', max_tokens = 20;
-- expect:
-- id,first,second,vector
-- 1,<Boils fast> by gpt-4o max 20,<Boils fast> by gpt-4o-mini max 20,[1.0]
-- expect requests: 2

SELECT t.id, chat.answer, emb.vector
FROM files.reviews AS t JOIN chat JOIN emb WHERE t.id = 1
USING temperatur = 0.2;
-- expect error: did you mean temperature?
-- expect requests: 0

SELECT t.id, chat.answer, emb.vector
FROM files.reviews AS t JOIN chat JOIN emb WHERE t.id = 1
USING mode = 'completion';
-- expect error: mode cannot be given in SELECT
-- expect requests: 0
