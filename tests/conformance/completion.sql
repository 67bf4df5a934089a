-- A completion goes on with the text of a column, or with what a template makes of several.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT rest USING engine = 'e', mode = 'completion', column = 'text';

SELECT t.id, m.rest FROM files.reviews AS t JOIN m ORDER BY t.id;
-- expect:
-- id,rest
-- 1,<Boils fast>
-- 2,"<Leaks, and smells>"
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- 5,"<He said ""wobbly"" and left>"
-- 6,<Bonita\npero pequeña>
-- 7,NULL
-- 8,<Boils fast>
-- expect requests: 6

CREATE MODEL n PREDICT rest USING
    engine = 'e', mode = 'completion', model = 'gpt-3.5-turbo-instruct', temperature = 0,
    prompt_template = 'The {{product}} is {{text}}, because';

SELECT rest FROM n WHERE product = 'kettle' AND text = 'good' USING max_tokens = 20, stop = '.';
-- expect:
-- rest
-- "<The kettle is good, because> by gpt-3.5-turbo-instruct max 20 at 0"
-- expect requests: 1

SELECT rest FROM m WHERE text = 'refuse me';
-- expect error: The text was refused.

CREATE MODEL wrong PREDICT rest USING engine = 'e', mode = 'completion', system_prompt = 'You translate';
-- expect error: system_prompt belongs to mode chat; this model's is completion

CREATE MODEL wrong PREDICT rest USING engine = 'e', mode = 'complete';
-- expect error: mode
