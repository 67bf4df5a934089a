-- The documentation's translation, without a column: two candidates are an error that names both.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT translation USING engine = 'e';

SELECT original_text, translation FROM m WHERE original_text = 'Hello' AND target_language = 'es';
-- expect error: original_text
-- expect requests: 0
-- expect error: target_language
-- expect error: prompt_template
