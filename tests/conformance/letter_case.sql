-- Words of SQL in any case, and options too.
create ml_engine e from portkey;

create model m predict answer using Engine = 'e', Column = 'text', MAX_TOKENS = 40;

select t.id, m.answer from files.reviews as t join m where t.id = 1 using Model = 'gpt-4o';
-- expect:
-- id,answer
-- 1,<Boils fast> by gpt-4o max 40
