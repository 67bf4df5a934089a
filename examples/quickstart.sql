-- Language models over table rows. Run it with: portkey-handler demo
-- Where the requests go is said by the environment: PORTKEY_API_KEY, or
-- PORTKEY_BASE_URL and its companions.

CREATE ML_ENGINE IF NOT EXISTS portkey_engine
FROM portkey;

-- A model is a prompt with the parameters that go with it.
-- {{text}} is a column of the rows.
CREATE OR REPLACE MODEL review_sentiment
PREDICT sentiment
USING
    engine = 'portkey_engine',
    model = 'claude-2.1',
    system_prompt = 'Judge the review. One word: positive, negative or mixed.',
    prompt_template = '{{text}}',
    max_tokens = 60;

-- One question.
SELECT text, sentiment
FROM review_sentiment
WHERE text = 'The zip broke on the second day, but they sent a new bag at once.';

-- A table: each review with its answer, in the order of the file.
SELECT r.id, r.product, r.stars, m.sentiment
FROM files.reviews AS r
JOIN review_sentiment AS m
LIMIT 9;

-- The whole table. An answer is a column like any other.
-- Empty reviews are not sent, and no row is asked twice.
SELECT r.product, count(*) AS reviews, round(avg(r.stars), 1) AS stars,
    count(m.sentiment) AS judged
FROM files.reviews AS r
JOIN review_sentiment AS m
GROUP BY r.product
ORDER BY reviews DESC, r.product;
