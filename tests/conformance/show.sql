-- What there is: engines and models.
CREATE ML_ENGINE e FROM portkey;

CREATE ML_ENGINE f FROM portkey USING portkey_api_key = 'pk-canary-1234567890';

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE MODEL n PREDICT reply USING engine = 'f', column = 'question';

SHOW MODELS;
-- expect partly:
-- name,engine,version,status
-- m,e,1,complete
-- n,f,1,complete

SHOW ML_ENGINES;
-- expect partly:
-- name,handler
-- e,portkey
-- f,portkey

SHOW MODELS WHERE name = 'n';
-- expect partly:
-- name
-- n

DROP MODEL n;

SHOW MODELS;
-- expect partly:
-- name
-- m
