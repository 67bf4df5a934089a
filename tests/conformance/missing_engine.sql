-- A model needs an engine that is there.
CREATE MODEL m PREDICT answer USING column = 'text';
-- expect error: engine

CREATE MODEL m PREDICT answer USING engine = 'nowhere', column = 'text';
-- expect error: nowhere
