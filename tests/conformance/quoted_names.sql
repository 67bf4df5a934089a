-- Names that need quotes are written in backticks.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'the text';

SELECT d.`an id`, m.answer FROM (SELECT id AS `an id`, text AS `the text` FROM files.reviews WHERE id = 1) AS d JOIN m;
-- expect:
-- an id,answer
-- 1,<Boils fast>

SELECT answer FROM m WHERE `the text` = 'one';
-- expect:
-- answer
-- <one>
