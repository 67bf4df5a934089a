"""Statements with hundreds of conditions, rows, subselects: they work, or one line says what to write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session
from portkey_handler.session.sql.depth import DEEPEST

MESSAGE = (
    f"the statement is nested too deeply: more than {DEEPEST} conditions, operators or subselects one within the "
    "other; write column IN (…) instead of many ORs, or put the values into a table and JOIN it"
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Give a session with a table."""
    with Session(files=tmp_path) as running:
        running.register("t", pd.DataFrame({"a": [1]}))
        yield running


def nested(depth: int) -> str:
    """Write subselects within subselects."""
    return "SELECT * FROM " + "(SELECT * FROM " * depth + "t" + "".join(f") AS q{n}" for n in range(depth))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT a FROM t WHERE " + " OR ".join(f"a = {n}" for n in range(190)),
        "SELECT a FROM t WHERE " + " AND ".join(f"a <> {n + 5}" for n in range(190)),
        "SELECT " + "+".join(["a"] * 190) + " AS a FROM t",
        "SELECT a FROM t WHERE a IN (" + ",".join(map(str, range(5000))) + ")",
        "SELECT " + "(" * 150 + "1" + ")" * 150 + " AS a",
        "SELECT " + "abs(" * 90 + "1" + ")" * 90 + " AS a",
        "SELECT CASE " + " ".join(f"WHEN a = {n} THEN {n}" for n in range(500)) + " END AS a FROM t",
        nested(90),
    ],
    ids=lambda text: text[:30],
)
def test_hundreds_work(session: Session, statement: str) -> None:
    """162 ORs and 89 subselects were a RecursionError of 3,000 lines."""
    assert len(session.sql(statement)) == 1


def test_many_unions_and_rows_work(session: Session) -> None:
    """INSERT … VALUES of 245 rows failed."""
    assert len(session.sql(" UNION ALL ".join(["SELECT a FROM t"] * 190))) == 190
    session.sql("CREATE TABLE files.x (SELECT 0 AS a)")
    session.sql("INSERT INTO files.x (a) VALUES " + ", ".join(f"({n})" for n in range(1, 2000)))
    assert session.sql("SELECT a FROM files.x")["a"].tolist() == list(range(2000))


@pytest.mark.parametrize("number", [1_000, 20_000])
@pytest.mark.parametrize("kind", ["or", "plus", "not", "union", "nested", "function"])
def test_thousands_are_refused_in_one_line(session: Session, kind: str, number: int) -> None:
    """At once, and the session goes on."""
    statement = {
        "or": lambda: "SELECT a FROM t WHERE " + " OR ".join(f"a = {n}" for n in range(number)),
        "plus": lambda: "SELECT " + "+".join(["a"] * number) + " AS a FROM t",
        "not": lambda: "SELECT a FROM t WHERE " + "NOT " * number + "a = 1",
        "union": lambda: " UNION ALL ".join(["SELECT a FROM t"] * number),
        "nested": lambda: nested(number),
        "function": lambda: "SELECT " + "abs(" * number + "1" + ")" * number,
    }[kind]()
    limit = sys.getrecursionlimit()
    with pytest.raises(StatementError) as caught:
        session.sql(statement)
    assert str(caught.value) == MESSAGE
    assert sys.getrecursionlimit() == limit
    assert session.sql("SELECT a FROM t")["a"].tolist() == [1]
