"""What MindsDB's parser reads without an error and not as it is meant is read by DuckDB's, or refused."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session

TABLES = """
CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', true), (2, 'B', false), (3, NULL, NULL)) AS t(id, name, flag);
CREATE TABLE u AS SELECT * FROM (VALUES (1, 'x'), (1, 'y'), (3, 'z'), (9, 'w')) AS u(uid, tag);
"""
STATEMENTS = [
    "SELECT name GLOB 'a*' AS r FROM t ORDER BY id",
    "SELECT lower(name) GLOB 'b' FROM t ORDER BY id",
    "SELECT name SIMILAR TO '[A-Z]' AS r FROM t ORDER BY id",
    "SELECT name NOT SIMILAR TO '[A-Z]' AS r FROM t ORDER BY id",
    "SELECT name ISNULL FROM t ORDER BY id",
    "SELECT name NOTNULL AS r FROM t ORDER BY id",
    "SELECT '2024-01-01 12:00:00+00'::TIMESTAMPTZ AT TIME ZONE 'Asia/Tokyo' AS r",
    "SELECT id, tag FROM t ASOF JOIN u ON t.id >= u.uid ORDER BY id, tag",
    "SELECT t.id, u.tag FROM t FULL JOIN u ON t.id = u.uid ORDER BY ALL",
    "SELECT flag, count(*) AS n FROM t GROUP BY ALL ORDER BY ALL",
    "SELECT flag IS TRUE AS a, flag IS NOT TRUE AS b, flag IS FALSE AS c FROM t ORDER BY id",
    "SELECT id FROM t WHERE flag IS NOT FALSE ORDER BY id",
]


@pytest.fixture
def connection() -> Any:
    """Give two tables with NULLs and rows without a partner."""
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_rows_are_those_of_duckdb(connection: Any, statement: str) -> None:
    """None of these words is the name of a column or of a table."""
    _, found = next(Session(connection=connection).results(statement))
    rows = [tuple(row.values()) for row in found.arrow.to_pylist()]
    assert rows == connection.sql(statement).fetchall()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT name FROM t ANTI JOIN u ON id = uid",
            "ANTI JOIN is not supported; write WHERE … NOT IN (SELECT …)",
        ),
        (
            "SELECT name FROM t SEMI JOIN u ON id = uid",
            "SEMI JOIN is not supported; write WHERE … IN (SELECT …)",
        ),
        (
            "SELECT name FROM t NATURAL JOIN u",
            "JOIN … USING, NATURAL and POSITIONAL JOIN are not supported; write ON a.id = b.id",
        ),
        (
            "SELECT name FROM t POSITIONAL JOIN u",
            "JOIN … USING, NATURAL and POSITIONAL JOIN are not supported; write ON a.id = b.id",
        ),
        (
            "SELECT id name flag FROM t",
            "syntax error in line 1, column 16, near 'SELECT id name flag FROM t'",
        ),
        (
            "SELECT id AS name flag FROM t",
            "syntax error in line 1, column 19, near 'SELECT id AS name flag FROM t'",
        ),
        (
            "SELECT name RLIKE 'a' FROM t",
            "syntax error in line 1, column 19, near \"SELECT name RLIKE '******' FROM t\"",
        ),
    ],
)
def test_what_nobody_reads_is_an_error(connection: Any, statement: str, message: str) -> None:
    """It was a JOIN without a condition, or the first of the columns alone."""
    with pytest.raises(StatementError) as caught:
        Session(connection=connection).sql(statement)
    assert str(caught.value) == message


def test_names_that_look_like_such_words_stay_names(connection: Any) -> None:
    """Columns and tables may be called as they are."""
    connection.execute("CREATE TABLE w AS SELECT 1 AS escape, 2 AS match, 3 AS semi, 'all' AS zone")
    session = Session(connection=connection)
    found = session.sql(
        "SELECT x.escape e, match m, semi AS s, zone FROM w x WHERE zone = 'natural join' OR m = 2"
    )
    assert found.to_dict("records") == [{"e": 1, "m": 2, "s": 3, "zone": "all"}]
