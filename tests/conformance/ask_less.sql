-- A second model asked about the rows that the first one keeps: by a subselect on both hosts, by a JOIN in the session.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL c PREDICT echo USING engine = 'e', column = 'text';

CREATE MODEL k PREDICT answer USING engine = 'e', prompt_template = 'again {{text}}';

SELECT s.id, k.answer
FROM (SELECT t.id, t.text FROM files.reviews AS t JOIN c WHERE c.echo LIKE '%Boils%') AS s JOIN k
ORDER BY s.id;
-- expect:
-- id,answer
-- 1,<again Boils fast>
-- 8,<again Boils fast>
-- expect requests: 7

SELECT t.id, k.answer FROM files.reviews AS t JOIN c JOIN k WHERE c.echo LIKE '%wobbly%';
-- expect:
-- id,answer
-- 5,"<again He said ""wobbly"" and left>"
-- expect requests: 1
