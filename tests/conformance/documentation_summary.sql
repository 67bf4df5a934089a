-- The documentation's summary, without a column: the one candidate is taken.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT summary USING engine = 'e', model = 'claude-instant-1.2';

SELECT document, summary FROM m WHERE document = 'A long text.';
-- expect:
-- document,summary
-- A long text.,<A long text.> by claude-instant-1.2
