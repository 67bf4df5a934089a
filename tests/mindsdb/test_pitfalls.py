"""The pitfalls on the page about MindsDB: what MindsDB does, and that what to write instead works.

A trap that a later MindsDB heals fails here, so that the page can lose it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.hosts import telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB, MindsDBError
from support.pages import ROOT

from portkey_handler.gateway.offline import OfflineProvider

PAGE = (ROOT / "docs" / "mindsdb.md").read_text(encoding="utf-8")
ASKS = "SELECT t.id, m.tone FROM files.t AS t JOIN m"
ALL = ["one", "three", "two"]
ROWS = {text: [number, f"<{text}>"] for number, text in enumerate(("one", "two", "three"), 1)}
TWO = "SELECT t.id, t.text, o.stars FROM files.t AS t JOIN files.o AS o ON t.id = o.id"

Server = tuple[MindsDB, OfflineProvider]


@pytest.fixture
def server(running_mindsdb: Server, tmp_path: Path) -> Iterator[Server]:
    """Give the server with two tables of three rows and two models."""
    mindsdb, provider = running_mindsdb
    mindsdb.forget_answers()
    provider.reset(telling())
    tables = {
        "t": pd.DataFrame({"id": [1, 2, 3], "text": ["one", "two", "three"]}),
        "o": pd.DataFrame({"id": [1, 2, 3], "stars": [5, 4, 3]}),
    }
    models = dict.fromkeys(("m", "r"), "PREDICT tone USING engine = 'e', column = 'text'")
    with making(mindsdb, folder=tmp_path, tables=tables, models=models):
        yield running_mindsdb


def rows(server: Server, statement: str) -> tuple[list[list[Any]], list[str]]:
    """Run a statement; return its rows and the texts that were asked, in the order of the alphabet."""
    mindsdb, provider = server
    mindsdb.forget_answers()
    before = len(asked_texts(provider))
    found = mindsdb.query(statement)
    cells = [[int(cell) if str(cell).isdigit() else cell for cell in row] for row in found.values.tolist()]
    return sorted(cells, key=str), sorted(asked_texts(provider)[before:])


@pytest.mark.parametrize(
    ("written", "expected", "asked"),
    [
        (f"{ASKS} WHERE id = 2", ["two"], ALL),
        (f"{ASKS} WHERE t.id = 1 OR t.id = 3", ["one", "three"], ALL),
        (f"{ASKS} WHERE length(t.text) = 5", ["three"], ALL),
        (f"{ASKS} WHERE t.id + 1 = 4", ["three"], ALL),
        (f"{ASKS} WHERE NOT t.id = 2", [], ["two"]),
        (f"SELECT * FROM ({ASKS}) AS s LIMIT 1", ["one"], ALL),
    ],
)
def test_what_mindsdb_does(server: Server, written: str, expected: list[str], asked: list[str]) -> None:
    """More rows are asked than the result needs, or the rows are wrong."""
    assert rows(server, written) == ([ROWS[text] for text in expected], asked)


@pytest.mark.parametrize(
    ("instead", "expected"),
    [
        (f"{ASKS} WHERE t.id = 2", ["two"]),
        (f"{ASKS} WHERE t.id IN (1, 3)", ["one", "three"]),
        (
            "SELECT t.id, m.tone FROM (SELECT * FROM files.t WHERE length(text) = 5 AND id + 1 = 4) AS t JOIN m",
            ["three"],
        ),
        (f"{ASKS} WHERE t.id <> 2", ["one", "three"]),
        (f"{ASKS} LIMIT 1", ["one"]),
        (f"SELECT a.id, a.tone FROM ({ASKS} WHERE t.id = 1) AS a", ["one"]),
    ],
)
def test_what_to_write_instead(server: Server, instead: str, expected: list[str]) -> None:
    """The right rows, and only they are asked."""
    assert f"`{instead}`" in PAGE
    assert rows(server, instead) == ([ROWS[text] for text in expected], sorted(expected))


def test_an_aggregate_with_a_limit(server: Server) -> None:
    """The LIMIT is applied to the rows, before they are counted."""
    assert rows(server, "SELECT count(m.tone) AS n FROM files.t AS t JOIN m LIMIT 1") == ([[1]], ["one"])
    instead = f"SELECT count(tone) AS n FROM ({ASKS}) AS s"
    assert f"`{instead}`" in PAGE
    assert rows(server, instead) == ([[3]], ALL)


def test_two_tables_with_a_limit(server: Server) -> None:
    """It fails with a number for a message."""
    mindsdb, provider = server
    written = "SELECT t.id, o.stars, m.tone FROM files.t AS t JOIN files.o AS o ON t.id = o.id JOIN m LIMIT 1"
    with pytest.raises(MindsDBError) as caught:
        mindsdb.query(written)
    assert str(caught.value).splitlines()[0] == "3"
    assert asked_texts(provider) == []
    instead = f"SELECT j.id, j.stars, m.tone FROM ({TWO} LIMIT 1) AS j JOIN m"
    assert f"`{instead}`" in PAGE
    assert rows(server, instead) == ([[1, 5, "<one>"]], ["one"])


def test_with(server: Server) -> None:
    """A WITH query that has a model fails before anything is asked."""
    mindsdb, provider = server
    with pytest.raises(MindsDBError, match="'NoneType' object is not subscriptable"):
        mindsdb.query(f"WITH a AS ({ASKS}) SELECT * FROM a WHERE id = 1")
    assert asked_texts(provider) == []


def test_listing_columns_runs_the_views(server: Server) -> None:
    """Whoever browses the columns pays for every view."""
    mindsdb, _ = server
    mindsdb.query(f"CREATE VIEW v AS ({ASKS})")
    try:
        assert rows(server, "SHOW FULL COLUMNS FROM v")[1] == ALL
        instead = "SELECT * FROM information_schema.columns WHERE table_schema = 'files'"
        assert f"`{instead}`" in PAGE
        assert rows(server, instead)[1] == []
    finally:
        mindsdb.query("DROP VIEW v")


def test_create_or_replace_with_a_wrong_option(server: Server) -> None:
    """The model is dropped before the new one is checked; RETRAIN leaves it."""
    mindsdb, _ = server
    using = "PREDICT tone USING engine = 'e', colunm = 'text'"
    with pytest.raises(MindsDBError, match="colunm is not an option"):
        mindsdb.query(f"CREATE OR REPLACE MODEL r {using}")
    try:
        with pytest.raises(MindsDBError, match="Table 'r' not found"):
            mindsdb.query("SELECT tone FROM r WHERE text = 'one'")
    finally:
        mindsdb.query(f"CREATE MODEL r {using.replace('colunm', 'column')}")
        mindsdb.wait_for_model("r")
    with pytest.raises(MindsDBError, match="colunm is not an option"):
        mindsdb.query("RETRAIN m USING colunm = 'text'")
    assert rows(server, "SELECT tone FROM m WHERE text = 'one'")[0] == [["<one>"]]


def test_capital_letters(server: Server) -> None:
    """The name is kept in small letters, and not looked for in them."""
    mindsdb, _ = server
    mindsdb.query("CREATE MODEL Big PREDICT tone USING engine = 'e', column = 'text'")
    mindsdb.wait_for_model("big")
    try:
        with pytest.raises(MindsDBError, match="Can't find model 'Big'"):
            mindsdb.query("SELECT tone FROM Big WHERE text = 'one'")
        assert rows(server, "SELECT tone FROM big WHERE text = 'one'")[0] == [["<one>"]]
    finally:
        mindsdb.query("DROP MODEL big")


def test_set_active(server: Server) -> None:
    """With an equals sign it does nothing, and says nothing."""
    mindsdb, _ = server
    mindsdb.query("RETRAIN m USING max_tokens = 7")
    mindsdb.wait_for_model("m")
    asks = "SELECT tone FROM m WHERE text = 'one'"
    assert rows(server, asks)[0] == [["<one> max 7"]]
    mindsdb.query("SET active = m.1")
    assert rows(server, asks)[0] == [["<one> max 7"]]
    mindsdb.query("SET active m.1")
    assert rows(server, asks)[0] == [["<one>"]]


def test_update_over_rest(server: Server) -> None:
    """It was accepted and changed nothing."""
    mindsdb, _ = server
    path = "/api/projects/mindsdb/models/m"
    mindsdb.put(path, {"problem_definition": {"using": {"max_tokens": 9}}})
    asks = "SELECT tone FROM m WHERE text = 'one'"
    assert rows(server, asks)[0] == [["<one> max 9"]]
    for body, said in (
        ({"using": {"colunm": "x"}}, "colunm is not an option"),
        ({"max_tokens": 5}, "options of a model stand in"),
    ):
        with pytest.raises(MindsDBError, match=said):
            mindsdb.put(path, {"problem_definition": body})
    assert rows(server, asks)[0] == [["<one> max 9"]]
