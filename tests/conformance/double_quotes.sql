-- A text in double quotes that is the name of a column is refused; backticks name a column.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

SELECT t.`id`, m.answer FROM files.reviews AS t JOIN m WHERE t.`id` = 1;
-- expect:
-- id,answer
-- 1,<Boils fast>

SELECT "text" FROM files.reviews AS t WHERE t.id = 1;
-- expect error: write `text` for the column
