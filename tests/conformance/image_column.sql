-- An image stands beside the text, by its address or as a data URL; a row may have either alone.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', image_column = 'photo';

SELECT answer FROM m WHERE text = 'What is it?' AND photo = 'https://example.com/kettle.png';
-- expect:
-- answer
-- <What is it?> with https://example.com/kettle.png

SELECT answer FROM m WHERE text = 'What is it?' AND photo = 'data:image/png;base64,iVBORw0KGgo=';
-- expect:
-- answer
-- "<What is it?> with data:image/png;base64,iVBORw0KGgo="

SELECT answer FROM m WHERE text = '' AND photo = 'https://example.com/kettle.png';
-- expect:
-- answer
-- <> with https://example.com/kettle.png

SELECT answer FROM m WHERE text = 'What is it?' AND photo = '';
-- expect:
-- answer
-- <What is it?>

SELECT answer FROM m WHERE text = '' AND photo = '';
-- expect:
-- answer
-- NULL
-- expect requests: 0

SELECT answer FROM m WHERE text = 'What is it?' AND photo = 'kettle.png';
-- expect error: photo: expected an image: its address, a data URL, or its bytes
-- expect requests: 0

SELECT answer FROM m WHERE text = 'What is it?';
-- expect error: image_column = 'photo'
-- expect requests: 0
