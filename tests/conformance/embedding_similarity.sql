-- Vectors are kept in a table, and the nearest ones are found there.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL emb PREDICT vector USING
    engine = 'e', mode = 'embedding', model = 'text-embedding-3-small', column = 'text';

CREATE TABLE files.vectors (
    SELECT t.id, t.text, emb.vector FROM files.reviews AS t JOIN emb WHERE t.id < 6
);
-- expect requests: 1

SELECT v.id, round(list_cosine_similarity(v.vector, q.vector), 3) AS similarity
FROM files.vectors AS v JOIN (SELECT vector FROM emb WHERE text = 'Schönes Licht') AS q
ORDER BY similarity DESC LIMIT 1;
-- expect:
-- id,similarity
-- 3,1
-- expect requests: 0
