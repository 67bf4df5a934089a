-- A template fills in several columns, and the documentation's translation works.
CREATE ML_ENGINE e FROM portkey;

CREATE MODEL m PREDICT translation USING
    engine = 'e',
    prompt_template = 'Translate to {{target_language}}: {{original_text}}',
    system_prompt = 'You translate';

SELECT original_text, target_language, translation
FROM m WHERE original_text = 'Hello' AND target_language = 'es';
-- expect:
-- original_text,target_language,translation
-- Hello,es,You translate: <Translate to es: Hello>

SELECT t.id, m.translation
FROM (SELECT id, text AS original_text, lang AS target_language FROM files.reviews WHERE id = 3) AS t JOIN m;
-- expect:
-- id,translation
-- 3,You translate: <Translate to de: Schönes Licht>
