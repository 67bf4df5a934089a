"""Statements that do not parse, or that have a key where none belongs: where it is, and never the key."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from portkey_handler.errors import PortkeyHandlerError, StatementError
from portkey_handler.foreign_text import without_keys
from portkey_handler.session import Session

KEYS = (
    "sk-canary-0123456789abcdef",
    "wPx3Zk9LmQ2rT8vB1nY6wPx3Zk9",
    "0f8fad5bd9cb469fa16570867728950e",
    "canary",
)

#: Each is wrong in its own way, and has a key.
SLIPS = [
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}' provider = 'openai'",
    "CREATE ML_ENGINE e FROM portkey USING provider = 'openai' portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = {k}'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}'', provider = 'openai'",
    "CREATE ML_ENGINE e\nFROM portkey\nUSING portkey_api_key = '{k},\n provider = 'openai'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = \u2018{k}\u2019",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = \u201c{k}\u201d",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = \u201e{k}\u201c",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = \u00ab{k}\u00bb",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = \u00b4{k}\u00b4",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = `{k}`, 5",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key == '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key : '{k}' x",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}',",
    "CREATE ML_ENGINE e FROM portkey USING , portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING (portkey_api_key = '{k}')",
    "CREATE ML_ENGINE e FROM portkey USING {{'portkey_api_key': '{k}'}}",
    'CREATE ML_ENGINE e FROM portkey USING {{"portkey_api_key": "{k}"',
    "CREATE ML_ENGINE e USING portkey_api_key = '{k}' FROM portkey",
    "CREATE ML_ENGINE FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ENGINE e FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FRM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGIN e FROM portkey USING portkey_api_key = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}'\nCREATE MODEL m PREDICT a USING engine = 'e'",
    "\ufeffCREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}' x",
    "CREATE ML_ENGINE e FROM portkey USING headers = {{'Authorization': 'Bearer {k}'",
    "CREATE ML_ENGINE e FROM portkey USING targets = {{'a': {{'api_key': '{k}'}}",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = concat('{k}', ''",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}' /* half a comment",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = $${k}$$",
    "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{k}\\'",
    "CREATE MODEL m PREDICT a USING engine = 'e', api_key = '{k}' column = 'q'",
    "SELECT * FROM t WHERE api_key = '{k}' AND",
    "SELECT '{k}' FRM t WHERE",
    "UPDATE ML_ENGINE e SET api_key = '{k}'",
    "portkey_api_key = '{k}'",
    "'{k}'",
]

#: These parse; the key stands where a name or another value belongs.
MISPLACED = [
    "CREATE ML_ENGINE e FROM portkey USING base_url = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING base_url = 'https://user:{k}@host/v1'",
    "CREATE ML_ENGINE e FROM portkey USING base_url = 'https://host/v1?key={k}'",
    "CREATE ML_ENGINE e FROM portkey USING custom_host = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING `{k}` = 1",
    "CREATE ML_ENGINE e FROM portkey USING portkey_apikey = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING timeout = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING strategy = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING headers = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING on_error = '{k}'",
    "CREATE ML_ENGINE e FROM portkey USING reuse = '{k}'",
    "CREATE ML_ENGINE e FROM `{k}`",
    "CREATE MODEL m PREDICT a USING engine = '{k}'",
    "SELECT * FROM `{k}`",
    "SELECT `{k}` FROM files.t",
    "DESCRIBE `{k}`",
    "DROP MODEL `{k}`",
    "DROP ML_ENGINE `{k}`",
    "INSERT INTO `{k}` VALUES (1)",
    "SET files.t.encoding = '{k}'",
    "SHOW `{k}`",
]


def said(statement: str, files: Path) -> str:
    """Give the error of a statement."""
    with Session(files=files) as session, pytest.raises(PortkeyHandlerError) as caught:
        session.sql(statement)
    return f"{caught.value}\n{caught.value!r}\n{caught.value.args}"


@pytest.mark.parametrize("slip", SLIPS)
def test_a_statement_that_does_not_parse_shows_no_key(
    slip: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """25 of 25 slips printed the whole statement."""
    caplog.set_level(logging.DEBUG)
    for key in KEYS:
        shown = said(slip.format(k=key), tmp_path)
        assert key not in shown.replace("$canary$", "canary" if key != "canary" else "")
        assert key not in caplog.text


@pytest.mark.parametrize("statement", MISPLACED)
def test_a_key_where_none_belongs_is_masked(statement: str, tmp_path: Path) -> None:
    """As a URL, a name, the value of another option; 5 of 16 were shown."""
    (tmp_path / "t.csv").write_text("a\n1\n")
    for key in KEYS[:-1]:
        assert key not in said(statement.format(k=key), tmp_path)


@pytest.mark.slow
def test_the_command_line_shows_no_key(tmp_path: Path) -> None:
    """Neither in its output nor in its log, also with --verbose."""
    script = tmp_path / "script.sql"
    script.write_text("SELECT 1;\n" + SLIPS[0].format(k=KEYS[0]))
    for arguments in (["run", str(script), "--verbose"], ["sql", SLIPS[5].format(k=KEYS[0])]):
        done = subprocess.run(
            [sys.executable, "-m", "portkey_handler", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert KEYS[0] not in done.stdout + done.stderr
        assert "syntax error in line " in done.stderr


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "SELECT 1;\n\n-- a remark\nSELEC 2;",
            "syntax error in line 4, column 1, near 'SELEC 2'",
        ),
        (
            "CREATE ML_ENGINE e\nFROM portkey\nUSING check = false provider = 'openai';",
            "syntax error in line 3, column 21, near \"USING check = false provider = '******'\" (Expected symbol: "
            '",")',
        ),
        (
            "SELECT a,\n\n\n b FROM\n t WHERE x = = 'y'\n AND z",
            'syntax error in line 5, column 14, near "t WHERE x = = \'******\'" (Expected symbol: "[identifier]")',
        ),
        (
            "SHOW MODELS\nSHOW TABLES;",
            "syntax error in line 2, column 1, near 'SHOW TABLES'; is a semicolon missing before it?",
        ),
        (
            "SELECT 'a;\nSELECT 2;",
            "syntax error in line 1, column 8, near \"SELECT '******'\"; this quote has no end, or one before "
            "it is missing",
        ),
        (
            "SELECT \u2018a\u2019;",
            "syntax error in line 1, column 8, near \"SELECT '******'\"; write straight quotes: '…'",
        ),
    ],
)
def test_the_first_line_says_where(script: str, message: str, tmp_path: Path) -> None:
    """The line of the script, the column, the words around, what was expected."""
    with Session(files=tmp_path) as session, pytest.raises(StatementError) as caught:
        session.sql(script)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "the model claude-3-5-sonnet-20241022 does not exist",
        "write model = 'meta-llama/Llama-3.3-70B-Instruct'",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "files.export_2024_q3_customers_of_all_regions",
        "ResponsibleAIPolicyViolation in Draft202012Validator",
        "the reply of http://127.0.0.1:8787/v1 is not JSON",
        "sk- and pk- are beginnings of keys",
    ],
)
def test_names_are_no_keys(text: str) -> None:
    """A message stays readable."""
    assert without_keys(text) == text


def test_a_quote_in_a_quoted_name_is_no_text_without_end(tmp_path: Path) -> None:
    """The place is the one that the parser marks."""
    with Session(files=tmp_path) as session, pytest.raises(StatementError) as caught:
        session.sql("SELECT `it's` FROM t WHER x")
    assert str(caught.value).startswith("syntax error in line 1, column 27, near ")
    assert "has no end" not in str(caught.value)
