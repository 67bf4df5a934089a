-- Names of columns are found in any case, and come back as the table writes them.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT T.ID, M.ANSWER FROM files.reviews AS T JOIN m AS M WHERE T.ID = 1;
-- expect:
-- id,answer
-- 1,<Boils fast>
