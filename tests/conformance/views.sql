-- A view is a query that runs each time it is selected: of data, of a view, with a model, and joined with one.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE VIEW few AS (SELECT id, product, text FROM files.reviews WHERE id < 4);

SELECT id FROM few WHERE id > 1 ORDER BY id;
-- expect:
-- id
-- 2
-- 3

CREATE VIEW mindsdb.fewer AS (SELECT f.id, f.text FROM mindsdb.few AS f WHERE f.id < 3);

SELECT f.id, m.answer FROM mindsdb.fewer AS f JOIN m ORDER BY f.id;
-- expect:
-- id,answer
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"

CREATE VIEW told AS (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3);

SELECT id, answer FROM told WHERE answer LIKE '%fast%';
-- expect:
-- id,answer
-- 1,<Boils fast>

CREATE VIEW few AS (SELECT 1 AS id);
-- expect error: few

CREATE VIEW IF NOT EXISTS few AS (SELECT 1 AS id);

SELECT count(*) AS n FROM few;
-- expect:
-- n
-- 3

DROP VIEW told;

DROP VIEW mindsdb.fewer;

DROP VIEW few;

SELECT id FROM few;
-- expect error: few

DROP VIEW few;
-- expect error: few

DROP VIEW IF EXISTS few;
