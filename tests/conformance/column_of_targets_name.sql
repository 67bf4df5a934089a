-- A table that has a column of the target's name keeps it beside the answers.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT lang USING engine = 'e', column = 'text';

SELECT t.lang AS stands, m.lang AS told FROM files.reviews AS t JOIN m WHERE t.id = 3;
-- expect:
-- stands,told
-- de,<Schönes Licht>
