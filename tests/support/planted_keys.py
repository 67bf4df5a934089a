"""Keys, and statements that have one where none belongs: `{k}` stands for the key."""

from __future__ import annotations

import re
import traceback

#: Keys that can be told by their beginning.
BY_BEGINNING = {
    "openai": "sk-canary0123456789abcdef",
    "openai project": "sk-proj-Canary_0aB1-cD2eF3gH4iJ5kL6mN7oP8",
    "anthropic": "sk-ant-api03-Canary0aB1-cD2eF3_gH4iJ5kL6-mN7oAA",
    "openrouter": "sk-or-v1-0f8fad5bd9cb469fa165708677289500f8fad5bd9cb469fa16570867728950e",
    "google": "AIzaSyCanary0aB1cD2eF3gH4iJ5kL6mN7oP8qR",
    "google, newer": "AQ.Ab8CanaryN6Kx2vT-0aB1cD2eF3gH4iJ5kL6mN7oP8qR",
    "google, for an hour": "ya29.a0CanaryAfB_byC1dE2fG3hI4jK5lM6nO7pQ8",
    "groq": "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",
    "hugging face": "hf_CanaryAbCdEfGhIjKlMnOpQrStUvWxYzAb",
    "xai": "xai-Canary0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3",
    "aws": "AKIA3Q7CANARY5X2M4ZB",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDYW5hcnkifQ.c2lnbmF0dXJlLUNhbmFyeQ",
    "langfuse": "pk-canary-0123456789",
    "perplexity": "pplx-Canary0aB1cD2eF3gH4iJ5kL6mN7oP8",
    "replicate": "r8_Canary0aB1cD2eF3gH4iJ5kL6mN7oP8",
    "fireworks": "fw_Canary0aB1cD2eF3gH4iJ",
    "nvidia": "nvapi-Canary0aB1-cD2eF3gH4iJ5kL6mN7oP8",
    "together": "tgp_v1_Canary0aB1cD2eF3gH4iJ5kL6mN7oP8",
    "github": "github_pat_11CANARY0aB1cD2eF3gH4iJ5kL6mN7oP8",
    "databricks": "dapi0123456789abcdef0123456789abcdef",
}
#: Keys whose letters and digits were drawn, so that no name looks like them.
DRAWN = {
    "portkey": "Canary4+3ktjEwLAAx3T/0aB1cD2e",
    "mistral": "Canary0aB1cD2eF3gH4iJ5kL6mN7oP8q",
    "aws, secret": "Canary/K7mD3NG+bPxRfiCYq8XAm0KeYwJalrXt",
    "40 characters of base64": "Q2FuYXJ5K2tleS93aXRoKzMwL2J5dGVzIGluIGl0Lg==",
    "azure": "0f8fad5bd9cb469fa16570867728950e",
}
#: Keys that look like names that people give, too. They are masked in errors about a statement.
LIKE_NAMES = {
    "a UUID": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "small letters and digits": "canaryk7m2p9q4r8s1t6v3w5x0y",
    "with a dash": "Canary0aB1-cD2eF3gH4iJ5kL6mN7oP8",
    "short, of all three kinds": "Cn9aRy2pLk8VtR4yBn6H",
}
#: A key that no shape tells: it is masked where it is a text, or the value of an option that holds a key.
A_WORD = "correct-canary-battery"

_E = "CREATE ML_ENGINE e FROM portkey USING "
#: None of them parses.
SLIPS = [
    # A comma, a quote, a semicolon, a sign is missing or one too many.
    _E + "portkey_api_key = '{k}' provider = 'openai'",
    _E + "provider = 'openai' portkey_api_key = '{k}'",
    _E + "portkey_api_key = '{k}',, provider = 'openai'",
    _E + "portkey_api_key = '{k}',",
    _E + ", portkey_api_key = '{k}'",
    _E + "portkey_api_key = '{k}",
    _E + "portkey_api_key = {k}'",
    _E + "portkey_api_key = '{k}'', provider = 'openai'",
    _E + "portkey_api_key = ''{k}''",
    _E + "portkey_api_key = '{k}\"",
    _E + "portkey_api_key = \"{k}'",
    _E + "portkey_api_key = '{k}\\'",
    _E + "portkey_api_key = \\'{k}\\'",
    _E + "portkey_api_key = '{k}, provider = 'openai'",
    "CREATE ML_ENGINE e\nFROM portkey\nUSING portkey_api_key = '{k},\n provider = 'openai'",
    "CREATE ML_ENGINE e\nFROM portkey\nUSING\n  portkey_api_key = '{k}'\n  provider = 'openai'",
    _E + "portkey_api_key '{k}'",
    _E + "portkey_api_key\n=\n'{k}' '",
    _E + "portkey_api_key == '{k}'",
    _E + "portkey_api_key := '{k}'",
    _E + "portkey_api_key : '{k}' x",
    _E + "portkey_api_key = ; '{k}'",
    _E + "portkey_api_key = '{k}' x",
    _E + "portkey_api_key = E'{k}'",
    _E + "portkey_api_key = N'{k}'",
    _E + "portkey_api_key = $${k}$$",
    _E + "portkey_api_key = <{k}>",
    _E + "portkey_api_key = #{k}",
    _E + "portkey_api_key = ${k}!",
    _E + "portkey_api_key = 'Bearer {k}",
    _E + "portkey_api_key = '{k}' || ''",
    # A quote too many or too few before the key: what is inside of constants seems to be outside.
    "CREATE ML_ENGINE e\u2018 FROM portkey USING portkey_api_key = '{k}', provider = 'openai'",
    "CREATE ML_ENGINE e FROM po\u201crtkey USING portkey_api_key = '{k}'",
    _E + "provider = openai', portkey_api_key = '{k}', base_url = '\u2018http://127.0.0.1:1/v1'",
    _E + "provider = 'o\\penai', portkey_api_key = '{k}', base_url = http://127.0.0.1:1/v1'",
    _E + "aws_region = 'a', portkey_api_ke = `x', api_key = '{k}', base_url = 'http://127.0.0.1:1/v1'",
    "CREATE ML_ENGINE e\nFROM portkey\nUSING headers = {'Authorization: 'Bearer {k}},\n check = false",
    # Quotes of other programs.
    _E + "portkey_api_key = \u2018{k}\u2019",
    _E + "portkey_api_key = \u201c{k}\u201d",
    _E + "portkey_api_key = \u201e{k}\u201c",
    _E + "portkey_api_key = \u00ab{k}\u00bb",
    _E + "portkey_api_key = \u00b4{k}\u00b4",
    _E + "portkey_api_key = \uff07{k}\uff07",
    _E + "portkey_api_key = \u2032{k}\u2032",
    _E + "portkey_api_key = \u300c{k}\u300d",
    _E + "portkey_api_key = `{k}`, 5",
    _E + "portkey_api_key\u00a0=\u00a0'{k}'\u00a0provider='openai'",
    "\ufeffCREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}' x",
    "\u200bCREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}'",
    # Brackets.
    _E + "(portkey_api_key = '{k}')",
    _E + "{'portkey_api_key': '{k}'}",
    _E + '{"portkey_api_key": "{k}"',
    _E + "portkey_api_key = ('{k}'",
    _E + "portkey_api_key = ['{k}'",
    _E + "portkey_api_key = concat('{k}', ''",
    _E + "headers = {'Authorization': 'Bearer {k}'",
    _E + "headers = {'Authorization': 'Bearer {k}',}",
    _E + "targets = {'a': {'api_key': '{k}'}",
    _E + "targets = {'a': {'api_key': '{k}'}} {",
    # Words that are wrong, missing, or in another order.
    "CREATE ML_ENGINE e FROM portkey portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e USING portkey_api_key = '{k}' FROM portkey",
    "CREATE ML_ENGINE FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey WITH portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey PARAMETERS = {'portkey_api_key': '{k}'}",
    "CREATE ENGINE e FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML ENGINE e FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FRM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGIN e FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGINE {k} FROM portkey USING portkey_api_key = '{k}' x",
    "ALTER ML_ENGINE e SET portkey_api_key = '{k}'",
    "UPDATE ML_ENGINE e SET api_key = '{k}'",
    "portkey_api_key = '{k}'",
    "export PORTKEY_API_KEY={k}",
    "PORTKEY_API_KEY='{k}'",
    "'{k}'",
    "{k}",
    "SET PORTKEY_API_KEY {k}",
    "curl -H 'Authorization: Bearer {k}' https://api.portkey.ai/v1",
    # Two statements without a semicolon between them, and comments without an end.
    _E + "portkey_api_key = '{k}'\nCREATE MODEL m PREDICT a USING engine = 'e'",
    _E + "portkey_api_key = '{k}' CREATE MODEL m PREDICT a USING engine = 'e'",
    "CREATE MODEL m PREDICT a USING engine = 'e'\n" + _E + "portkey_api_key = '{k}'",
    "SHOW ML_ENGINES\n" + _E + "portkey_api_key = '{k}'",
    _E + "portkey_api_key = '{k}' /* half a comment",
    "/* the key is {k} CREATE ML_ENGINE e FROM portkey",
    "CREATE ML_ENGINE e FROM portkey USINGG -- {k}\n portkey_api_key = '{k}'",
    # Other statements.
    "CREATE MODEL m PREDICT a USING engine = 'e', api_key = '{k}' column = 'q'",
    "CREATE MODEL m PREDICT a USING engine = 'e' api_key = '{k}'",
    "SELECT * FROM t WHERE api_key = '{k}' AND",
    "SELECT '{k}' FRM t WHERE",
    "SELECT * FROM {k}",
    "SHOW {k}",
    "DESCRIBE {k} x",
    "DROP ML_ENGINE '{k}'",
    "INSERT INTO files.t VALUES ('{k}'",
    "EXPLAIN ANALYZE SELECT '{k}'",
    "CREATE MODEL m FROM files (SELECT '{k}' FRM t) PREDICT y USING engine = 'e'",
]

_M = "CREATE MODEL m PREDICT y USING engine = 'e', "
_SEEN = "; SHOW MODELS; DESCRIBE m; DESCRIBE m.args; DESCRIBE m.engine"
_USED = "; SELECT y FROM m WHERE a = 'x'; DESCRIBE m.runs; DESCRIBE m.errors; DESCRIBE m.usage; DESCRIBE m.answers"
#: They parse. `e`, `m0` and files.t (a) are there; what is made is called e1 and m.
MISPLACED = [
    # As an address.
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING custom_host = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = 'https://user:{k}@host/v1'",
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = 'https://{k}@host/v1'",
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = 'https://host/v1?key={k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = 'http://127.0.0.1:1/v1#{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING base_url = '{k}://127.0.0.1:1/v1'",
    # As the name of something.
    "CREATE ML_ENGINE e1 FROM `{k}`",
    "SELECT * FROM `{k}`",
    "SELECT * FROM files.`{k}`",
    "SELECT * FROM `{k}`.t",
    "SELECT `{k}` FROM files.t",
    'SELECT "{k}" FROM files.t WHERE x = 1',
    "SELECT {k} FROM files.t",
    "SELECT * FROM files.t WHERE `{k}` = 1",
    "SELECT * FROM files.t ORDER BY `{k}`",
    "SELECT * FROM files.t AS `{k}` WHERE `{k}`.b = 1",
    "SELECT * FROM files.t JOIN `{k}`",
    "SELECT * FROM m0 JOIN files.`{k}`",
    "SELECT y FROM m0 WHERE `{k}` = 'a'",
    "SELECT `{k}` FROM m0 WHERE a = 'x'",
    "SELECT `{k}`(1)",
    'SELECT "{k}"(1)',
    "SELECT CAST(1 AS `{k}`)",
    "SHOW `{k}`",
    "SHOW TABLES FROM `{k}`",
    "SHOW MODELS WHERE `{k}` = 1",
    "DESCRIBE `{k}`",
    "DESCRIBE m0.`{k}`",
    "DESCRIBE ML_ENGINE `{k}`",
    "DROP MODEL `{k}`",
    "DROP ML_ENGINE `{k}`",
    "DROP TABLE files.`{k}`",
    "DROP TABLE `{k}`",
    "DROP DATABASE `{k}`",
    "DROP MODEL IF EXISTS `{k}`.`{k}`",
    "CREATE TABLE files.`{k}` (SELECT * FROM nothing)",
    "CREATE TABLE `{k}`.t (SELECT 1 AS a)",
    "INSERT INTO `{k}` VALUES (1)",
    "INSERT INTO files.t (`{k}`) VALUES (1)",
    "RETRAIN `{k}`",
    "RETRAIN m0 USING engine = '{k}'",
    "FINETUNE `{k}` FROM files (SELECT * FROM t)",
    "USE `{k}`",
    _M.replace("'e'", "'{k}'") + "column = 'a'",
    "CREATE MODEL m FROM files (SELECT `{k}` FROM t) PREDICT y USING engine = 'e', column = 'a'",
    "CREATE MODEL m FROM `{k}` (SELECT a FROM t) PREDICT y USING engine = 'e', column = 'a'",
    # As an option, or as the value of one that takes something else.
    "CREATE ML_ENGINE e1 FROM portkey USING `{k}` = 1",
    "CREATE ML_ENGINE e1 FROM portkey USING portkey_apikey = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING timeout = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING strategy = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING headers = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING on_error = '{k}'",
    "CREATE ML_ENGINE e1 FROM portkey USING reuse = '{k}'",
    _M + "column = 'a', mode = '{k}'",
    _M + "column = 'a', max_tokens = '{k}'",
    _M + "column = 'a', temperature = '{k}'",
    _M + "column = 'a', `{k}` = 1",
    _M + "column = 'a', `{k}` = '{k}'",
    _M + "column = 'a', output = 'x {k}'",
    _M + "column = 'a', output = '{\"{k}\": 1}'",
    _M + "column = 'a', output_method = '{k}'",
    _M + "column = 'a', strategy = '{k}'",
    _M + "column = 'a', targets = ['{k}']",
    _M + "column = 'a', response_format = '{k}'",
    _M + "column = 'a', tools = '{k}'",
    _M + "column = 'a', deadline = '{k}'",
    _M + "column = 'a', parameters = '{k}'",
    _M + "column = 'a', price = '{k}'",
    _M + "column = 'a', api_key = '{k}'",
    _M + "column = 'a', openai_api_key = '{k}'",
    _M + "column = 'a', headers = {'Authorization': '{k}'}",
    _M + "prompt_template = '{{ a | {k} }}'",
    _M + "messages = '{k}'",
    _M + "mode = 'request', path = '/{k}', body = {'a': '{{a}}'}",
    "SELECT y FROM m0 WHERE a = 'x' USING `{k}` = 1",
    "SELECT y FROM m0 WHERE a = 'x' USING api_key = '{k}'",
    "SELECT y FROM m0 WHERE a = 'x' USING on_error = '{k}'",
    "SELECT y FROM m0 WHERE a = 'x' USING max_rows = '{k}'",
    "RETRAIN m0 USING `{k}` = 1",
    "RETRAIN m0 USING api_key = '{k}'",
    "FINETUNE m0 FROM files (SELECT * FROM t) USING api_key = '{k}'",
    "SET api_key = '{k}'",
    "SET `{k}` = 1",
    "SET files.t.encoding = '{k}'",
    "SET files.t.`{k}` = 1",
    "SET files.t.delimiter = '{k}'",
    # As a value.
    "SELECT * FROM files.t WHERE a = CAST('{k}' AS INT)",
    "SELECT CAST('{k}' AS DATE)",
    "SELECT '{k}' + 1",
    "SELECT nothing('{k}')",
    "SELECT * FROM files.t LIMIT '{k}'",
    "INSERT INTO files.t VALUES ('{k}', 2)",
    "UPDATE files.t SET a = '{k}'",
    "DELETE FROM files.t WHERE a = '{k}'",
    "CREATE DATABASE d WITH ENGINE = 'postgres', PARAMETERS = {'password': '{k}'}",
    "CREATE AGENT a USING api_key = '{k}'",
    "CREATE MODEL m0 PREDICT y USING engine = 'e', api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING api_key = '{k}'",
    "CREATE VIEW v AS (SELECT nothing('{k}'))",
    "CREATE VIEW v AS (SELECT * FROM `{k}`)",
    "CREATE JOB j (SELECT '{k}')",
]

#: They parse, and some of them run. With a key that can be told from a name nothing shows it afterwards.
KEPT = [
    "SELECT t.a, m.y FROM files.t AS t JOIN m0 AS m WHERE m.`{k}` = 1",
    "CREATE VIEW v AS (SELECT 1 AS x WHERE '{k}' = 'x'); SHOW VIEWS; SHOW TABLES; DESCRIBE v; SELECT * FROM v",
    "CREATE VIEW `{k}` AS (SELECT 1 AS x); SHOW VIEWS; SHOW TABLES; SELECT * FROM `{k}`",
    "CREATE ML_ENGINE `{k}` FROM portkey USING check = false; SHOW ML_ENGINES; DESCRIBE ML_ENGINE `{k}`",
    "CREATE ML_ENGINE e1 FROM portkey USING check = false, provider = '{k}'; SHOW ML_ENGINES",
    "CREATE ML_ENGINE e1 FROM portkey USING check = false, virtual_key = '{k}'; SHOW ML_ENGINES",
    "CREATE ML_ENGINE e1 FROM portkey USING check = false, metadata = {'k': '{k}'}; SHOW ML_ENGINES",
    "CREATE ML_ENGINE e1 FROM portkey USING check = false, portkey_api_key = '{k}'; SHOW ML_ENGINES",
    "CREATE MODEL `{k}` PREDICT y USING engine = 'e', column = 'a'; SHOW MODELS; SHOW TABLES; DESCRIBE `{k}`",
    "CREATE MODEL m PREDICT `{k}` USING engine = 'e', column = 'a'" + _SEEN + _USED,
    _M + "column = 'a', output = '{k} string'" + _SEEN + _USED,
    _M + "column = 'a', model = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', model = `{k}`" + _SEEN + _USED,
    _M + "column = 'a', mode = 'completion', model = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', mode = 'embedding', model = '{k}'" + _SEEN + _USED,
    _M + "mode = 'prompt', prompt_id = '{k}'" + _SEEN,
    _M + "column = '{k}'" + _SEEN + _USED,
    _M + "column = `{k}`" + _SEEN + _USED,
    _M + "messages_column = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', image_column = '{k}'" + _SEEN + _USED,
    _M + "prompt_template = 'With {k}: {{ a }}'" + _SEEN + _USED,
    _M + "prompt_template = '{{ a }} {{ row[\"{k}\"] }}'" + _SEEN + _USED,
    _M
    + "prompt_template = 'With {k}: {{ a }}', dry_run = true; SELECT y FROM m WHERE a = 'x'; DESCRIBE m.estimate",
    _M + "column = 'a', system_prompt = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', provider = '{k}'" + _SEEN,
    _M + "column = 'a', virtual_key = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', config = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', metadata = {'k': '{k}'}" + _SEEN + _USED,
    _M + "column = 'a', cache_namespace = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', stop = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', user = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', service_tier = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', reasoning_effort = '{k}'" + _SEEN + _USED,
    _M + "column = 'a', parameters = {'{k}': 1}" + _SEEN + _USED,
    _M + "mode = 'request', path = '/rerank', body = {'a': '{{a}}'}, answer = '$.{k}'" + _SEEN + _USED,
    "SELECT y FROM m0 WHERE a = '{k}'; DESCRIBE m0.runs",
    "SELECT y FROM m0 WHERE a = 'x' USING model = '{k}'; DESCRIBE m0.runs; DESCRIBE m0.usage",
]


def with_key(statement: str, key: str) -> str:
    """Return a statement with its key."""
    return statement.replace("{k}", key)


def statements_of(script: str) -> list[str]:
    """Return the statements of a script of this module, whose texts have no semicolon before a blank."""
    return re.split(r"; (?=[A-Z])", script)


def shows(text: str, key: str) -> bool:
    """Return whether a text shows a key, in capital letters or small ones."""
    return key.lower() in text.lower()


def all_of(error: BaseException) -> str:
    """Write an error with all that hangs on it, as tools do that report errors: causes, contexts, attributes."""
    written: list[str] = []
    found: list[BaseException | None] = [error]
    seen: set[int] = set()
    while found:
        one = found.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        written += traceback.format_exception(type(one), one, None)
        written += [repr(one), repr(one.args), repr(vars(one))]
        found += [one.__cause__, one.__context__]
    return "".join(written)
