-- What was asked and answered is kept only where the model says so, and DESCRIBE shows it.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL kept_m PREDICT answer USING
    engine = 'e', prompt_template = 'Say {{text}}', model = 'gpt-4o-mini', concurrency = 1;

DESCRIBE kept_m.answers;
-- expect error: RETRAIN kept_m USING keep_prompts = true

CREATE OR REPLACE MODEL kept_m PREDICT answer USING
    engine = 'e', prompt_template = 'Say {{text}}', model = 'gpt-4o-mini', concurrency = 1, keep_prompts = true;

SELECT t.id, m.answer FROM files.reviews AS t JOIN kept_m AS m WHERE t.id <= 2;
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN kept_m AS m WHERE t.id <= 1;
-- expect requests: 0

SELECT answer FROM kept_m WHERE text = 'refuse me';
-- expect error: the row failed

DESCRIBE kept_m.answers;
-- expect partly:
-- prompt,answer,reason
-- user: Say refuse me,NULL,400 from openai: The text was refused.
-- user: Say Boils fast,<Say Boils fast> by gpt-4o-mini,NULL
-- "user: Say Leaks, and smells","<Say Leaks, and smells> by gpt-4o-mini",NULL
-- user: Say Boils fast,<Say Boils fast> by gpt-4o-mini,NULL

CREATE OR REPLACE MODEL kept_m PREDICT answer USING
    engine = 'e', prompt_template = 'Say {{text}}', model = 'gpt-4o-mini', concurrency = 1;

DESCRIBE kept_m.answers;
-- expect error: RETRAIN kept_m USING keep_prompts = true

DROP MODEL kept_m;

DROP ML_ENGINE e;
