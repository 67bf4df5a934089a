"""What MindsDB's parser refuses and DuckDB's reads runs in the session; models are asked only what is needed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import NotFoundError, StatementError
from portkey_handler.session import Session

TEXTS = ["GOOD, REALLY", "TWO\nLINES", None, "N/A", "SCHÖN 🎉"]


def cells(frame: pd.DataFrame) -> Any:
    """Return the rows of a frame as Python's values; None for NULL."""
    return json.loads(frame.to_json(orient="values"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (r"'a%b' LIKE 'a\%b' ESCAPE '\'", True),
        (r"'axb' LIKE 'a\%b' ESCAPE '\'", False),
        (r"'a\b' LIKE 'a\\b' ESCAPE '\'", True),
        ("'a%b' LIKE 'a!%b' ESCAPE '!'", True),
        ("'a%b' LIKE 'a!%b' ESCAPE'!'", True),
        ("'axb' NOT LIKE 'a!%b' escape \"!\"", True),
        (r"'A%B' ILIKE 'a\%b' ESCAPE '\'", True),
        (r"('a;b' LIKE '%\;%' ESCAPE '\') AND 'it''s' LIKE '%''%' ESCAPE '\'", True),
        (r"concat('escape ', 'a\'b') = 'escape a''b'", True),
    ],
)
def test_escape_names_the_sign_of_like(expression: str, value: bool) -> None:
    """In SELECT and WHERE; the backslash of ESCAPE escapes no quote, and the next text is whole."""
    with Session() as session:
        found = session.sql(f"SELECT 1 AS n; SELECT {expression} AS x, 'a;b' AS y")
        assert cells(found) == [[value, "a;b"]]
        assert len(session.sql(f"SELECT 1 AS n WHERE {expression}")) == int(value)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("FROM files.reviews SELECT id WHERE stars > 3", [[1], [2]]),
        ("SELECT id FROM files.reviews WHERE text ILIKE 'GOOD%'", [[1]]),
        ("SELECT id FROM files.reviews WHERE text NOT ILIKE 'GOOD%'", [[2], [4], [5]]),
        ("SELECT code ILIKE '%7' AS one FROM files.reviews LIMIT 2", [[True], [False]]),
        ("SELECT * EXCLUDE (text, code) FROM files.reviews LIMIT 1", [[1, 5]]),
        ("SELECT r.* EXCLUDE (text, code) FROM files.reviews AS r LIMIT 1", [[1, 5]]),
        (
            "SELECT id FROM files.reviews QUALIFY row_number() OVER (ORDER BY stars) <= 2 ORDER BY id",
            [[3], [4]],
        ),
        (
            "SELECT sum(stars) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s "
            "FROM files.reviews",
            [[5], [9], [5], [3], [5]],
        ),
        ("SELECT [id, stars][2] AS x FROM files.reviews LIMIT 1", [[5]]),
        ("SELECT code[2:3] AS x FROM files.reviews LIMIT 1", [["07"]]),
        ("SELECT list_transform([1, 2], x -> x + id) AS l FROM files.reviews LIMIT 1", [[[2, 3]]]),
        ("SELECT [x * 2 FOR x IN [1, 2, id] IF x > 1] AS l FROM files.reviews LIMIT 1", [[[4]]]),
        ("SELECT {'a': id, 'b': code}.b AS x FROM files.reviews LIMIT 1", [["007"]]),
        (
            "SELECT stars > 2 AS good, count(*) FILTER (WHERE id > 1) AS n FROM files.reviews GROUP BY ALL "
            "ORDER BY ALL",
            [[False, 2], [True, 2]],
        ),
        ("SELECT position('7' IN code) AS p, [1] AS l FROM files.reviews LIMIT 1", [[3, [1]]]),
        (
            "SELECT id // 2 AS a, id ** 2 AS b, -id + 2 * id % 4 AS c FROM files.reviews WHERE id = 5",
            [[2, 25, -3]],
        ),
        ("WITH a AS (FROM files.reviews SELECT id) FROM a WHERE id = 2", [[2]]),
        ("SELECT id FROM files.reviews WHERE [id] = [1] UNION ALL SELECT 9 ORDER BY ALL DESC", [[9], [1]]),
        (
            "SELECT 'it''s' AS a, 'it\\'s' AS b, \"say \"\"hi\"\"\" AS c, [1][1] AS d",
            [["it's", "it's", 'say "hi"', 1]],
        ),
        ("FROM files.reviews SELECT id -- [\n /* /* */ LIMIT 1", [[1]]),
    ],
)
def test_data(session: Session, statement: str, rows: Any) -> None:
    """Each form gives DuckDB's result."""
    assert cells(session.sql(statement)) == rows


@pytest.mark.parametrize(
    ("statement", "rows", "asked_rows"),
    [
        (
            "FROM files.reviews AS r JOIN m SELECT r.id, m.answer",
            [[n + 1, t] for n, t in enumerate(TEXTS)],
            5,
        ),
        ("FROM files.reviews AS r JOIN m SELECT m.answer LIMIT 2", [[TEXTS[0]], [TEXTS[1]]], 2),
        ("FROM files.reviews AS r JOIN m SELECT r.id WHERE r.code ILIKE '%8'", [[2]], 1),
        ("SELECT r.id FROM files.reviews AS r JOIN m WHERE m.answer ILIKE 'good%'", [[1]], 5),
        ("SELECT r.id FROM files.reviews AS r JOIN m WHERE m.answer ILIKE 'n%' AND [r.id][1] > 3", [[4]], 2),
        (
            "SELECT r.id FROM files.reviews AS r JOIN m QUALIFY row_number() OVER (ORDER BY m.answer) = 1 LIMIT 1",
            [[1]],
            5,
        ),
        (
            "SELECT r.id FROM files.reviews AS r JOIN m WHERE r.stars > 3 "
            "QUALIFY row_number() OVER (ORDER BY m.answer DESC) = 1",
            [[2]],
            2,
        ),
        ("SELECT [m.answer, r.code] AS l FROM files.reviews AS r JOIN m LIMIT 1", [[[TEXTS[0], "007"]]], 1),
        ("SELECT unnest([r.id, 0]) AS l FROM files.reviews AS r JOIN m LIMIT 3", [[1], [0], [2]], 5),
        (
            "SELECT m.answer[1:1] AS a, count(*) AS n FROM files.reviews AS r JOIN m WHERE r.stars > 3 "
            "GROUP BY ALL ORDER BY ALL",
            [["G", 1], ["T", 1]],
            2,
        ),
        (
            "FROM files.reviews AS r JOIN m SELECT m.answer, r.id WHERE r.stars > 3 ORDER BY ALL DESC",
            [["TWO\nLINES", 2], ["GOOD, REALLY", 1]],
            2,
        ),
        ("SELECT answer FROM m WHERE text = 'a' AND answer ILIKE 'A'", [["A"]], 1),
        (
            "SELECT * EXCLUDE (text, code, answer_evidence) FROM files.reviews AS r JOIN m WHERE r.id = 4",
            [[4, 2, "N/A", 3]],
            1,
        ),
        ("WITH q AS (FROM files.reviews AS r JOIN m) FROM q SELECT id WHERE answer ILIKE 'n%'", [[4]], 5),
        (
            "FROM files.reviews SELECT id WHERE id IN (FROM files.reviews AS r JOIN m SELECT r.id WHERE "
            "m.answer ILIKE 'n%')",
            [[4]],
            5,
        ),
        ("SELECT [(SELECT max(m.answer) FROM files.reviews AS r JOIN m)] AS l", [[["TWO\nLINES"]]], 5),
    ],
)
def test_models(session: Session, asked: Any, statement: str, rows: Any, asked_rows: int) -> None:
    """A model in such a statement gives the right answers, and is asked about the rows that are needed."""
    assert cells(session.sql(statement)) == rows
    assert asked.rows == asked_rows


def test_the_second_model_is_asked_about_what_ilike_has_kept(session: Session, asked: Any) -> None:
    """ILIKE on an answer drops rows between models."""
    found = session.sql(
        "SELECT r.id, s.final FROM files.reviews AS r JOIN m JOIN second AS s WHERE m.answer ILIKE 'good%'"
    )
    assert cells(found) == [[1, "GOOD, REALLY"]]
    assert [len(frame) for frame in asked.frames] == [5, 1]


def test_models_are_made_of_such_queries(session: Session) -> None:
    """The query of CREATE MODEL is read in the same way."""
    session.sql(
        "CREATE MODEL of_rows FROM files (SELECT text FROM reviews WHERE text ILIKE 'good%') PREDICT answer "
        "USING engine = 'e'"
    )
    args = session.sql("SHOW MODELS WHERE name = 'of_rows'")
    assert args["SELECT_DATA_QUERY"].tolist() == ["SELECT text FROM reviews WHERE text ILIKE 'good%'"]


def test_using_and_parameters(session: Session) -> None:
    """USING at the end, `?` and `$name` work as in other statements."""
    text = "FROM files.reviews AS r JOIN m SELECT m.answer WHERE r.code ILIKE {} USING prefix = '>'"
    assert cells(session.sql(text.format("?"), ["%7"])) == [[">GOOD, REALLY"]]
    assert cells(session.sql(text.format("$code"), {"code": "%7"})) == [[">GOOD, REALLY"]]
    assert cells(session.sql("SELECT [$a, 'b'] AS l", {"a": "it's"})) == [[["it's", "b"]]]


def test_a_line_says_that_mindsdb_does_not_read_it(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """The line has no text of the statement; other statements have no line."""
    caplog.set_level(logging.INFO, "portkey_handler.session")
    session.sql("SELECT id FROM files.reviews LIMIT 1")
    assert "portable" not in caplog.text
    session.sql("SELECT 1;\n FROM files.reviews SELECT id WHERE text ILIKE 'CANARY'")
    assert "line 2: this statement is not portable to MindsDB" in caplog.text
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT id FROM files.reviews WHERE text ILIKE 'CANARY' AND AND id",
            "syntax error in line 1, column 60, near \"s.reviews WHERE text ILIKE '******' AND AND id\"",
        ),
        (
            "FROM files.reviews JOIN m\nSELECT id,, answer",
            "syntax error in line 2, column 11, near 'SELECT id,, answer'",
        ),
        ("FROM files.reviews SELECT nothing ILIKE 'x'", "nothing"),
        ("FROM files.review", "files.review does not exist"),
        (
            "SELECT * EXCLUDE (textt) FROM files.reviews JOIN m",
            "* EXCLUDE names textt, which is no column of it, did you mean 'text'?",
        ),
        ("SELECT id FROM files.reviews TABLESAMPLE 10", "TABLESAMPLE is not supported"),
        ("FROM files.reviews NATURAL JOIN files.reviews AS b", "write ON a.id = b.id"),
        ('SELECT ["text"] FROM files.reviews', "write `text` for the column"),
        ("SELECT id FROM files.reviews WHERE [1] = [getenv('HOME')]", "getenv is not known or not allowed"),
    ],
)
def test_one_error(session: Session, statement: str, message: str) -> None:
    """What neither reader takes is one error, of the one that came further, without texts of the statement."""
    with pytest.raises((StatementError, NotFoundError)) as caught:
        session.sql(statement)
    assert message in str(caught.value)
    assert "CANARY" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_large_statements(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """A deeply nested statement in DuckDB's syntax is an error of ours, too."""
    session = open_session(files=tmp_path)
    with pytest.raises(StatementError):
        session.sql("SELECT " + "[" * 3000 + "1" + "]" * 3000)
