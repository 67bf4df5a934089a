-- A model behind the gateway is not trained from SQL, and stays what it is when somebody tries.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';

FINETUNE m FROM files (SELECT text, product AS answer FROM reviews);
-- expect error: a model behind the gateway is not trained from SQL; fine-tune it at its provider
-- expect error: RETRAIN … USING model = '…'
-- expect requests: 0

SELECT answer FROM m WHERE text = 'one';
-- expect:
-- answer
-- <one>

FINETUNE nothing FROM files (SELECT text FROM reviews);
-- expect error: nothing
