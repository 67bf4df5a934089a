-- An if and a filter in a template; loops are refused when the model is made.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT answer USING
    engine = 'e', prompt_template = '{% if stars %}{{ stars }} of 5{% else %}unrated{% endif %}: {{ product | upper }}';

SELECT t.id, m.answer FROM files.reviews AS t JOIN m WHERE t.product = 'lamp' ORDER BY t.id;
-- expect:
-- id,answer
-- 3,<4 of 5: LAMP>
-- 4,<unrated: LAMP>

CREATE MODEL n PREDICT answer USING engine = 'e', prompt_template = '{% for i in text %}{{ i }}{% endfor %}';
-- expect error: prompt_template
