-- A second model can ask for what the first one answered.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE MODEL judge PREDICT verdict USING engine = 'e', prompt_template = 'Is {{answer}} right?', max_tokens = 50;

SELECT t.id, m.answer, judge.verdict FROM files.reviews AS t JOIN m JOIN judge WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,answer,verdict
-- 1,<Boils fast>,<Is <Boils fast> right?> max 50
-- 2,"<Leaks, and smells>","<Is <Leaks, and smells> right?> max 50"
-- expect requests: 4
