-- Values of a subselect as a condition, and a second model over the answers of the first.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

CREATE MODEL n PREDICT verdict USING engine = 'e', column = 'answer', model = 'gpt-4o';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m
WHERE t.product IN (SELECT name FROM files.products WHERE maker = 'Lux') ORDER BY t.id;
-- expect:
-- id,answer
-- 3,<Schönes Licht>
-- 4,<とても明るい ✨>
-- expect requests: 2

SELECT d.id, n.verdict
FROM (SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.id < 3) AS d JOIN n ORDER BY d.id;
-- expect:
-- id,verdict
-- 1,<<Boils fast>> by gpt-4o
-- 2,"<<Leaks, and smells>> by gpt-4o"
-- expect requests: 4

SELECT d.answer, n.verdict FROM (SELECT answer FROM m WHERE text = 'one') AS d JOIN n;
-- expect:
-- answer,verdict
-- <one>,<<one>> by gpt-4o
