-- DESCRIBE tells the options in force and where each comes from, never a key.
CREATE ML_ENGINE e FROM portkey USING portkey_api_key = 'pk-canary-1234567890';

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', max_tokens = 70;

DESCRIBE m.args;
-- expect among:
-- option,value,source
-- max_tokens,70,model
-- model,claude-2.1,default
-- portkey_api_key,******,engine
-- provider,openai,environment

DESCRIBE m;
-- expect partly:
-- name,version,status,predict
-- m,1,complete,answer

DESCRIBE m.nothing;
-- expect error: args

DROP ML_ENGINE e;
-- expect error: m
