-- A model or a table that is not there is named.
CREATE ML_ENGINE e FROM portkey;

SELECT answer FROM nobody WHERE text = 'one';
-- expect error: nobody

SELECT t.id, n.answer FROM files.reviews AS t JOIN nobody AS n;
-- expect error: nobody

DESCRIBE nobody;
-- expect error: nobody

DROP MODEL nobody;
-- expect error: nobody
