-- The answer becomes columns with names and types of their own beside the target, which holds the object.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT verdict USING
    engine = 'e', column = 'text', output = 'tone string, words integer, score float, good boolean, tags list';

SELECT t.id, m.tone, m.words, m.score, m.good, m.tags
FROM files.reviews AS t JOIN m WHERE t.id < 4 ORDER BY t.id;
-- expect:
-- id,tone,words,score,good,tags
-- 1,<Boils fast>,2,2,false,"[""<Boils fast>""]"
-- 2,"<Leaks, and smells>",3,3,false,"[""<Leaks, and smells>""]"
-- 3,<Schönes Licht>,2,2,false,"[""<Schönes Licht>""]"
-- expect requests: 3

SELECT verdict FROM m WHERE text = 'one two';
-- expect:
-- verdict
-- "{""tone"": ""<one two>"", ""words"": 2, ""score"": 2, ""good"": false, ""tags"": [""<one two>""]}"

SELECT sum(m.words) AS words, max(m.score) / 4 AS score FROM files.reviews AS t JOIN m WHERE t.id < 4;
-- expect:
-- words,score
-- 7,0.75
-- expect requests: 0

SELECT t.id, m.words, m.score, m.good, m.tags
FROM files.reviews AS t JOIN m WHERE t.id > 6 ORDER BY t.id;
-- expect:
-- id,words,score,good,tags
-- 7,NULL,NULL,NULL,NULL
-- 8,2,2,false,"[""<Boils fast>""]"
-- expect requests: 0

SELECT t.id FROM files.reviews AS t JOIN m WHERE t.id < 4 AND m.words > 2;
-- expect:
-- id
-- 2
-- expect requests: 0

SELECT tone FROM m WHERE text = 'talk about me' USING output = '{"tone": {"enum": ["good"]}, "size": "float"}';
-- expect:
-- tone
-- good
-- expect requests: 2

SELECT t.id, m.words, m.verdict_error
FROM (
    SELECT id, CASE WHEN id = 2 THEN 'refuse me' ELSE text END AS text FROM files.reviews WHERE id < 4
) AS t JOIN m ORDER BY t.id
USING on_error = 'null', output = 'words integer', reuse = 'never';
-- expect:
-- id,words,verdict_error
-- 1,2,NULL
-- 2,NULL,400 from openai: The text was refused.
-- 3,2,NULL
-- expect requests: 3

SELECT t.id, m.long, m.yes, m.long + 1 AS next, m.share / 2 AS half
FROM files.reviews AS t JOIN m WHERE t.id > 6 ORDER BY t.id
USING output = '{"long": {"type": "integer", "exclusiveMinimum": 9007199254740992}, "yes": {"enum": [true]}, "share": {"const": 1.5}}';
-- expect:
-- id,long,yes,next,half
-- 7,NULL,NULL,NULL,NULL
-- 8,9007199254740993,true,9007199254740994,0.75
-- expect requests: 1

SELECT verdict FROM m WHERE text = 'one two' USING output = NULL;
-- expect:
-- verdict
-- <one two>

CREATE MODEL n PREDICT other USING
    engine = 'e', column = 'text', system_prompt = 'Second', output = 'words integer, stars integer null';

SELECT t.id, t.stars, m.words, n.words AS more, n.stars AS given
FROM files.reviews AS t JOIN m JOIN n WHERE t.id < 3 ORDER BY t.id;
-- expect:
-- id,stars,words,more,given
-- 1,5,2,3,3
-- 2,1,3,4,4
-- expect requests: 2

SELECT words, score FROM m WHERE text = 'one' USING max_tokens = 1, output = 'words string, score integer';
-- expect error: max_tokens ran out before the answer was complete; raise max_tokens
-- expect requests: 1

SELECT words, score FROM m WHERE text = 'one' USING max_tokens = 50, output = 'words string, score integer';
-- expect:
-- words,score
-- <one> max 50,3
-- expect requests: 1

SELECT words FROM m WHERE text = 'one' USING output_method = 'tool', output = 'words integer';
-- expect:
-- words
-- 1
-- expect requests: 1

CREATE MODEL wrong PREDICT verdict USING engine = 'e', column = 'text', output = 'tone string, score flaot';
-- expect error: score: 'flaot' is no type, did you mean float?

CREATE MODEL wrong PREDICT verdict USING engine = 'e', column = 'text', output = 'Verdict string';
-- expect error: output: the column Verdict has a name that the query's own columns need

CREATE MODEL wrong PREDICT verdict USING
    engine = 'e', column = 'text', output = {"tone": {"type": "strin"}};
-- expect error: output: tone.type: no JSON Schema

CREATE MODEL wrong PREDICT verdict USING
    engine = 'e', column = 'text', output = 'tone string', response_format = {"type": "json_object"};
-- expect error: output and response_format both say what an answer looks like; give one of them

SELECT t.id, year(m.due) AS year, m.at FROM files.reviews AS t JOIN m WHERE t.id < 3 ORDER BY t.id
USING output = 'due date, at time null, kind enum(a, b)';
-- expect:
-- id,year,at
-- 1,2026,12:30:00
-- 2,2026,12:30:00
-- expect requests: 2
