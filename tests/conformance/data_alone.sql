-- SELECT from data alone sends nothing.
SELECT product, COUNT(*) AS n, AVG(stars) AS mean FROM files.reviews GROUP BY product ORDER BY product;
-- expect:
-- product,n,mean
-- chair,2,4.5
-- desk,2,2.5
-- kettle,2,3
-- lamp,2,4
-- expect requests: 0

SELECT r.id, p.maker FROM files.reviews AS r JOIN files.products AS p ON r.product = p.name WHERE r.id < 4 ORDER BY r.id;
-- expect:
-- id,maker
-- 1,Acme
-- 2,Acme
-- 3,Lux

SELECT id FROM files.reviews WHERE lang = 'en' UNION SELECT id FROM files.questions;
-- expect:
-- id
-- 1
-- 2
-- 5
-- 7
-- 8

SELECT 1 AS one, 'two' AS two;
-- expect:
-- one,two
-- 1,two
