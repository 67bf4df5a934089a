"""Which functions a statement may call: a list that knows the installed DuckDB's whole catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session
from portkey_handler.session.sql.functions import ALLOWED, INTERNAL, REFUSED


def test_every_function_of_duckdb_is_on_a_list() -> None:
    """A new one has to be read about: put it into ALLOWED if it only computes, else into REFUSED."""
    rows = duckdb.connect().execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
    )
    names = {name for (name,) in rows.fetchall() if name.replace("_", "a").isalnum()}
    unknown = {name for name in names - ALLOWED - REFUSED if not INTERNAL.fullmatch(name)}
    assert not unknown
    assert not ALLOWED & REFUSED


@pytest.fixture(params=["own", "the user's"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """Give a session with its own DuckDB, and one on a connection that nothing guards."""
    (tmp_path / "secret.txt").write_text("canary")
    connection = None
    if request.param != "own":
        connection = duckdb.connect()
        connection.execute("CREATE MACRO twice(x) AS 2 * x")
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    with Session(files=tmp_path, connection=connection) as running:
        yield running


@pytest.mark.parametrize(
    "call",
    [
        "json_serialize_plan('SELECT * FROM read_csv(''secret.txt'')')",
        "json_serialize_sql('SELECT 1')",
        "json_execute_serialized_sql('{}')",
        "getenv('HOME')",
        "current_setting('temp_directory')",
        "getvariable('x')",
        "read_text('secret.txt')",
        "read_csv('secret.txt')",
        "glob('*')",
        "query('SELECT 1')",
        "query_table('t')",
        "nextval('s')",
        "setval('s', 1)",
        "setseed(0.5)",
        "write_log('x')",
        "pg_sleep(1)",
        "sleep_ms(1)",
        "which_secret('s3://x', 's3')",
        "__internal_decompress_string('x')",
        "current_query()",
        "no_such_function(1)",
        "checkpoint()",
        "current_user()",
    ],
)
def test_other_functions_are_refused(session: Session, call: str) -> None:
    """json_serialize_plan read a file line by line, and tried to install an extension."""
    with pytest.raises(StatementError, match="is not known or not allowed here"):
        session.sql(f"SELECT {call} AS x")


def test_functions_of_the_user_are_allowed(session: Session, request: pytest.FixtureRequest) -> None:
    """On a connection of one's own, macros are called as DuckDB's functions are."""
    if "own" in request.node.callspec.id and "user" not in request.node.callspec.id:
        with pytest.raises(StatementError):
            session.sql("SELECT twice(2) AS x")
    else:
        assert session.sql("SELECT twice(a) AS x FROM t")["x"].tolist() == [2]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("upper('a')", "A"),
        ("greatest(1, 3, 2)", 3),
        ("json_extract_string('{\"a\": \"b\"}', '$.a')", "b"),
        ("list_sum(list_value(1, 2))", 3),
        ("regexp_replace('abc', 'b', 'x')", "axc"),
        ("date_part('year', CAST('2026-01-31' AS DATE))", 2026),
    ],
)
def test_what_computes_is_allowed(session: Session, call: str, value: object) -> None:
    """As before."""
    assert session.sql(f"SELECT {call} AS x")["x"].tolist() == [value]
