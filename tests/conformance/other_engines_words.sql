-- The words of other engines: the error names ours.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', model_name = 'gpt-4o', column = 'text';
-- expect error: model

CREATE MODEL m PREDICT answer USING engine = 'e', question_column = 'text';
-- expect error: column

CREATE MODEL m PREDICT answer USING engine = 'e', prompt = 'Say {{text}}';
-- expect error: prompt_template

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', system_message = 'Be brief.';
-- expect error: system_prompt

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', json_struct = {"a": "b"};
-- expect error: output

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', mode = 'conversational';
-- expect error: messages_column
