"""Statements that do not parse: the message says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session


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
        (
            "SELECT 1;\nSELECT /* both",
            "syntax error in line 2, column 8, near 'SELECT /* both'; this comment has no end: write */",
        ),
        (
            "SELECT 1; /* SELECT 2;",
            "syntax error in line 1, column 11, near '/* SELECT 2;'; this comment has no end: write */",
        ),
    ],
)
def test_the_first_line_says_where(script: str, message: str, tmp_path: Path) -> None:
    """The line of the script, the column, the words around, what was expected."""
    with Session(files=tmp_path) as session, pytest.raises(StatementError) as caught:
        session.sql(script)
    assert str(caught.value) == message


def test_a_quote_in_a_quoted_name_is_no_text_without_end(tmp_path: Path) -> None:
    """The place is the one that the parser marks."""
    with Session(files=tmp_path) as session, pytest.raises(StatementError) as caught:
        session.sql("SELECT `it's` FROM t WHER x")
    assert str(caught.value).startswith("syntax error in line 1, column 27, near ")
    assert "has no end" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        r"SELECT a LIKE 'x' ESCAPE '\', 'mine' FORM files.t",
        r"SELECT 'C:\', 'mine', b FORM files.t",
        r"SELECT 'it\'s', 'mine', b FORM files.t",
        r"SELECT 'it\'s mine', b FORM files.t",
    ],
)
def test_no_text_is_shown_whatever_a_backslash_means(statement: str) -> None:
    """In one reading of quotes the text is between two texts; in the other it is one."""
    with Session() as session, pytest.raises(StatementError) as caught:
        session.sql(statement)
    assert "mine" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        (
            "SELECT 1;\n\nSELECT a,\n   b FROM\n\tt WHERE x = = 'y' AND z",
            [
                'syntax error in line 5, column 14 (Expected symbol: "[identifier]")',
                "LINE 5: t WHERE x = = '******' AND z",
                "                    ^",
            ],
        ),
        ("SELEC 1", ["syntax error in line 1, column 1", "LINE 1: SELEC 1", "        ^"]),
        (
            "SELECT a FROM\n\n",
            [
                'syntax error in line 1, column 14 (Expected symbol: "[identifier]")',
                "LINE 1: SELECT a FROM",
                "                     ^",
            ],
        ),
        (
            "SELECT '日本', 日本 FORM y z",
            [
                "syntax error in line 1, column 22",
                "LINE 1: SELECT '******', 日本 FORM y z",
                "                                   ^",
            ],
        ),
        (
            "CREATE VIEW v AS (SELECT a FROM t WHERE = 3)",
            [
                'syntax error in line 1, column 41 (Expected symbol: "[identifier]")',
                "LINE 1: …VIEW v AS (SELECT a FROM t WHERE = 3)",
                "                                          ^",
            ],
        ),
        (
            "SELECT 1; EXPLAIN SELECT 'abc FROM t",
            [
                "syntax error in line 1, column 26; this quote has no end, or one before it is missing",
                "LINE 1: EXPLAIN SELECT '******'",
                "                       ^",
            ],
        ),
        (
            "SELECT " + "a, " * 40 + "a FROM t x y" + " z" * 40,
            [
                "syntax error in line 1, column 139",
                "LINE 1: …" + " a," * 7 + " a FROM t x y" + " z" * 16 + "…",
                "                                          ^",
            ],
        ),
        ("SELECT nothing('x')", ["the function nothing is not known or not allowed here"]),
    ],
)
def test_people_see_the_line_and_a_caret(script: str, shown: list[str]) -> None:
    """The place is shown once, in at most 80 cells; the message itself stays one line."""
    with Session() as session, pytest.raises(StatementError) as caught:
        session.sql(script)
    assert "\n" not in str(caught.value)
    assert list(caught.value.for_people) == shown


def test_no_mask_moves_a_caret() -> None:
    """A key that the place is in is shown in no part; then there is no caret."""
    with Session() as session, pytest.raises(StatementError) as caught:
        session.sql("SHOW sk-proj-Canary0aB1cD2eF3gH4iJ5kL6mN7oP8")
    assert "Canary" not in "".join(caught.value.for_people)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT a FROM t LIMIT (SELECT 1)", "LIMIT takes a number"),
        ("SELECT a FROM t LIMIT ALL", "LIMIT takes a number"),
        ("SELECT a FROM t LIMIT a", "LIMIT takes a number"),
        ("SELECT a FROM t LIMIT 1 OFFSET (SELECT 1)", "OFFSET takes a number"),
        ("CREATE TABLE files.x (SELECT a FROM t LIMIT (SELECT 1))", "LIMIT takes a number"),
        (
            "SELECT COLUMNS(x -> upper(x)) FROM t",
            "* REPLACE, * RENAME and COLUMNS(…) are not supported; name the columns",
        ),
    ],
)
def test_what_breaks_the_first_parser_is_read_by_the_second(statement: str, message: str) -> None:
    """The message was `the statement cannot be parsed (ValueError in the parser)`."""
    with Session() as session:
        session.register("t", [{"a": 1}])
        with pytest.raises(StatementError) as caught:
            session.sql(statement)
    assert str(caught.value) == message
