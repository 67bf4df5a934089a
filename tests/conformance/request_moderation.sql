-- Any path of a model is asked with a body of the row's columns; the answer is what a path in the reply names.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT flagged USING
    engine = 'e', mode = 'request', path = '/moderations', body = {"input": "{{text}}"},
    answer = '$.results[0].flagged';

SELECT t.id, m.flagged FROM files.reviews AS t JOIN m WHERE t.id < 4 ORDER BY t.id;
-- expect:
-- id,flagged
-- 1,false
-- 2,false
-- 3,false
-- expect requests: 3

SELECT flagged FROM m WHERE text = 'one' USING answer = '$.results[0].nothing', on_error = 'null';
-- expect:
-- flagged
-- NULL

CREATE MODEL wrong PREDICT flagged USING engine = 'e', mode = 'request', path = '/keys', body = {"a": 1};
-- expect error: path = '/keys' asks no model

CREATE MODEL wrong PREDICT flagged USING engine = 'e', mode = 'request', path = '/moderations';
-- expect error: mode = 'request' needs body

CREATE MODEL wrong PREDICT flagged USING
    engine = 'e', mode = 'request', path = '/moderations', body = {"input": "{{text}}", "stream": true};
-- expect error: body.stream cannot be used here

CREATE MODEL wrong PREDICT flagged USING
    engine = 'e', mode = 'request', path = '/moderations', body = {"input": "{{text}}"}, answer = 'results[0]';
-- expect error: answer: expected a JSONPath
