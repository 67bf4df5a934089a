-- DESCRIBE tells what was run, what it used and what failed: by query, by day and model, by row.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL ledger_m PREDICT answer USING engine = 'e', column = 'text', model = 'gpt-4o-mini', concurrency = 1;

DESCRIBE ledger_m.runs;
-- expect partly:
-- rows,ended

SELECT t.id, m.answer FROM files.reviews AS t JOIN ledger_m AS m WHERE t.id <= 2;
-- expect requests: 2

SELECT t.id, m.answer FROM files.reviews AS t JOIN ledger_m AS m WHERE t.id <= 3;
-- expect requests: 1

SELECT answer FROM ledger_m WHERE text = 'refuse me';
-- expect error: the row failed

DESCRIBE ledger_m.runs;
-- expect partly:
-- rows,distinct,requests,answered,failed,kept,copies,unasked,cut_off,unpriced,ended
-- 1,1,1,0,1,0,0,0,0,0,"1 row failed, and so did the query"
-- 3,3,1,3,0,2,0,0,0,0,done
-- 2,2,2,2,0,0,0,0,0,0,done

DESCRIBE ledger_m.usage;
-- expect partly:
-- model,queries,rows,requests,answered,failed,kept
-- gpt-4o-mini,3,6,4,5,1,2

DESCRIBE ledger_m.errors;
-- expect partly:
-- row,reason,status
-- 0,400 from openai: The text was refused.,400

DROP MODEL ledger_m;

DROP ML_ENGINE e;
