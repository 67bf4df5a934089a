-- Texts become vectors, many in one request; a text that is refused fails alone.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL emb PREDICT vector USING
    engine = 'e', mode = 'embedding', model = 'text-embedding-3-small', column = 'text', dimensions = 2;

SELECT t.id, emb.vector FROM files.reviews AS t JOIN emb WHERE t.id > 6 ORDER BY t.id;
-- expect:
-- id,vector
-- 7,NULL
-- 8,"[0.08315988630056381, 0.9965361952781677]"
-- expect requests: 1

SELECT t.id, emb.vector_error
FROM files.reviews AS t JOIN emb WHERE emb.vector IS NULL
USING on_error = 'null';
-- expect:
-- id,vector_error
-- 7,nothing to ask: text is NULL
-- expect requests: 1

SELECT vector FROM emb WHERE text = 'Boils fast' USING encoding_format = 'base64';
-- expect:
-- vector
-- "[0.08315988630056381, 0.9965361952781677]"
-- expect requests: 1

SELECT t.id, emb.vector
FROM files.reviews AS t JOIN emb WHERE t.id < 4 ORDER BY t.id
USING inputs_per_request = 2, dimensions = 1, reuse = 'never';
-- expect:
-- id,vector
-- 1,[1.0]
-- 2,[-1.0]
-- 3,[-1.0]
-- expect requests: 2

SELECT d.id, emb.vector, emb.vector_error
FROM (
    SELECT id, CASE WHEN id = 2 THEN 'refuse me' ELSE text END AS text FROM files.reviews WHERE id < 4
) AS d JOIN emb ORDER BY d.id
USING on_error = 'null', dimensions = 1, reuse = 'never';
-- expect:
-- id,vector,vector_error
-- 1,[1.0],NULL
-- 2,NULL,400 from openai: The text was refused.
-- 3,[-1.0],NULL
-- expect requests: 5

CREATE MODEL without PREDICT vector USING engine = 'e', mode = 'embedding', column = 'text';
-- expect error: mode = 'embedding' needs model

CREATE MODEL wrong PREDICT vector USING engine = 'e', mode = 'embedding', model = 'm', max_tokens = 7;
-- expect error: max_tokens belongs to mode
