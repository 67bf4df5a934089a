-- A language model on this machine over table rows: portkey-handler demo
-- With a gateway's address in place of 'local', any other model answers.

CREATE ML_ENGINE IF NOT EXISTS here
FROM portkey
USING base_url = 'local';

-- A small model goes on from examples better than it follows instructions.
-- {{text}} is a column of the rows.
CREATE OR REPLACE MODEL feeling
PREDICT feeling
USING
    engine = 'here',
    model = 'smollm2-135m',
    mode = 'completion',
    prompt_template = 'Review: I love it, it works perfectly, my wife loves it.
Feeling: happy

Review: It broke after two days and nobody answers.
Feeling: angry

Review: Works as it should, very comfortable.
Feeling: happy

Review: The handle came off and it leaks.
Feeling: angry

Review: {{text}}
Feeling:',
    max_tokens = 3,
    temperature = 0,
    stop = '["\n"]';

-- Ten reviews in English, beside the stars that the buyer gave.
SELECT r.id, r.stars, trim(m.feeling) AS feeling, left(r.text, 42) AS review
FROM files.reviews AS r
JOIN feeling AS m
WHERE r.id IN (1001, 1002, 1010, 1011, 1015, 1019, 1020, 1022, 1030, 1041);

-- All reviews, in every language. The model knows little but English.
-- An answer is a column like any other. No row is asked twice.
SELECT trim(m.feeling) AS feeling, count(*) AS reviews,
    round(avg(r.stars), 1) AS average_stars
FROM files.reviews AS r
JOIN feeling AS m
GROUP BY trim(m.feeling)
ORDER BY reviews DESC;

-- A search by meaning, in every language, by another small model.
CREATE OR REPLACE MODEL meaning
PREDICT vector
USING
    engine = 'here',
    model = 'multilingual-e5-small',
    mode = 'embedding',
    column = 'text';

CREATE OR REPLACE MODEL question
PREDICT vector
USING
    engine = 'here',
    model = 'multilingual-e5-small',
    mode = 'embedding',
    column = 'text',
    input_type = 'search_query';

SELECT r.id, left(r.text, 46) AS review,
    round(list_cosine_similarity(m.vector, q.vector), 2) AS nearness
FROM files.reviews AS r
JOIN meaning AS m
JOIN (SELECT vector FROM question
      WHERE text = 'The battery lasts for a long time') AS q
ORDER BY nearness DESC
LIMIT 3;
