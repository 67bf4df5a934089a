-- Two tables are joined before the model is asked.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', prompt_template = '{{maker}} {{product}}: {{text}}';

SELECT t.id, p.price, m.answer
FROM files.reviews AS t JOIN files.products AS p ON t.product = p.name JOIN m
WHERE p.maker = 'Acme' AND t.id < 3 ORDER BY t.id;
-- expect:
-- id,price,answer
-- 1,29.5,<Acme kettle: Boils fast>
-- 2,29.5,"<Acme kettle: Leaks, and smells>"
-- expect requests: 2
