"""Statements that want more than the session gives: files of the machine, and what only DuckDB knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import NotFoundError, StatementError
from portkey_handler.session import Session

CALLS = [
    "read_text('{}')",
    "READ_TEXT ('{}')",
    "`read_text`('{}')",
    '"read_text"("{}")',
    "read_text/**/('{}')",
    "main.read_text('{}')",
    "(SELECT content FROM read_csv('{}'))",
    "(SELECT content FROM '{}')",
    '(SELECT content FROM "{}")',
    "(SELECT content FROM `{}`)",
]


@pytest.mark.parametrize(
    "place",
    [
        "SELECT {}",
        "SELECT upper({})",
        "SELECT 'a' || {}",
        "SELECT 'a' IN ({}, 'b')",
        "SELECT CAST({} AS TEXT)",
        "SELECT CASE WHEN 1 = 1 THEN {} END",
        "SELECT EXISTS (SELECT {})",
        "SELECT max({}) OVER (PARTITION BY {})",
        "SELECT DISTINCT ON ({}) a FROM t",
        "SELECT a FROM t WHERE {} = 'x'",
        "SELECT a FROM t GROUP BY {}",
        "SELECT a FROM t GROUP BY a HAVING {} = 'x'",
        "SELECT a FROM t ORDER BY {}",
        "SELECT t.a FROM t JOIN t AS u ON {} = 'x'",
        "SELECT x FROM (SELECT {} AS x) AS s",
        "WITH c AS (SELECT {} AS x) SELECT x FROM c",
        "SELECT 1 UNION SELECT {}",
        "TABLE t UNION SELECT {}",
        "SELECT * FROM files (SELECT {} AS x)",
        "CREATE TABLE files.x (SELECT {} AS a)",
        "INSERT INTO files.kept SELECT {}",
        "INSERT INTO files.kept VALUES ({})",
        "SHOW TABLES WHERE {} = 'x'",
        "SELECT 'a\\' || {} || 'b'",
        "SELECT 'a\\\\', {}, 'b'",
        "SELECT 1 /* /* */, {} -- */",
        "SELECT 1 -- '\n, {} -- '",
        "SELECT `a'`, {} FROM t",
        "FROM t SELECT [{}]",
        "SELECT list_transform([1], lambda x: {})",
        "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY {}) = 1",
        "SELECT {'a' : {}, 'b': ['x' ILIKE {}]}",
        "SELECT count(*) FILTER (WHERE {} = 'x') FROM t",
        "FROM (SELECT {} AS x) AS s SELECT s.x[1]",
        "FROM {}",
        "FROM t JOIN {} AS u SELECT u.*",
    ],
)
def test_no_file_is_read_from_any_place(
    open_session: Callable[..., Session], tmp_path: Path, place: str
) -> None:
    """A file outside the folder is not read, wherever in a statement it is asked for, and however."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "kept.csv").write_text("a\nb\n")
    (tmp_path / "secret.csv").write_text("content\nCANARY\n")
    session = open_session(files=folder)
    session.register("t", pd.DataFrame({"a": [1]}))

    for call in CALLS:
        with pytest.raises((StatementError, NotFoundError)) as caught:
            session.sql(place.replace("{}", call.format(tmp_path / "secret.csv")))
        assert "CANARY" not in str(caught.value)
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == ["kept.csv"]
    assert (folder / "kept.csv").read_text() == "a\nb\n"


@pytest.mark.parametrize(
    "statement",
    [
        "PIVOT t ON a",
        "SELECT * FROM t PIVOT (max(a) FOR a IN (1))",
        "SELECT COLUMNS('a') FROM t",
        "SELECT a FROM t QUALIFY a > 0",
        "SELECT a FROM t USING SAMPLE 1",
        "SELECT a FROM t TABLESAMPLE 10",
        "SELECT a FROM t AT (VERSION => 1)",
        "SELECT a FROM t NATURAL JOIN t AS u",
        "SELECT a FROM t POSITIONAL JOIN t AS u",
        "SELECT * FROM t, LATERAL (SELECT 1)",
        "SELECT * FROM (VALUES (1)) AS v",
        "SELECT $$a$$",
        "SELECT query('SELECT 1')",
        "SELECT * FROM query_table('t')",
        "WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM c WHERE a < 3) SELECT * FROM c",
        "SELECT 1; COPY t TO 'x.csv'",
        "EXPORT DATABASE 'x'",
        "ATTACH 'x.db'",
        "LOAD httpfs",
        "PRAGMA database_list",
        "CALL duckdb_settings()",
        "SET enable_external_access = true",
        "CREATE TEMP VIEW v AS (SELECT 1)",
        "CREATE VIEW v AS (SELECT * FROM read_csv('x'))",
        "CREATE VIEW v AS (COPY t TO 'x.csv')",
        "CREATE VIEW v AS (SELECT * FROM 'x.csv')",
        "CREATE MACRO f(x) AS x",
        "SUMMARIZE query('SELECT 1')",
        "DESCRIBE read_csv('x')",
        "EXPLAIN COPY t TO 'x.csv'",
    ],
)
def test_what_only_duckdb_knows(open_session: Callable[..., Session], tmp_path: Path, statement: str) -> None:
    """What would reach beyond the tables of the session, or is not read, is refused."""
    session = open_session(files=tmp_path)
    session.register("t", pd.DataFrame({"a": [1]}))

    with pytest.raises((StatementError, NotFoundError)):
        session.sql(statement)
    assert list(tmp_path.iterdir()) == []
