"""USING at the end of a statement holds for every model in it, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from portkey_handler.errors import AboveLimitError, StatementError
from portkey_handler.gateway.offline import OfflineProvider, last_text
from portkey_handler.session import Session

SETUP = """
CREATE ML_ENGINE e FROM portkey USING check = false;
CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt-4o-mini';
CREATE MODEL n PREDICT b USING engine = 'e', column = 'q', model = 'gpt-4o-mini';
"""
#: Each asks models in its own place; the options stand at the outside.
FORMS = [
    "SELECT m.a FROM t JOIN m",
    "SELECT * FROM (SELECT t.id, m.a FROM t JOIN m) AS s",
    "SELECT count(*) FROM (SELECT * FROM (SELECT t.id, m.a FROM t JOIN m) AS q) AS s",
    "WITH c AS (SELECT t.id, m.a FROM t JOIN m) SELECT * FROM c",
    "WITH c AS (SELECT t.id, m.a FROM t JOIN m), d AS (SELECT * FROM c) SELECT * FROM d WHERE id > 0",
    "SELECT m.a FROM t JOIN m UNION ALL SELECT n.b FROM t JOIN n",
    "SELECT a FROM m WHERE q = 'x' UNION SELECT b FROM n WHERE q = 'y'",
    "(SELECT a FROM m WHERE q = 'x') UNION (SELECT b FROM n WHERE q = 'y')",
    "SELECT id FROM t UNION SELECT t.id FROM t JOIN m EXCEPT SELECT 1",
    "SELECT * FROM (SELECT a FROM m WHERE q = 'x' UNION SELECT b FROM n WHERE q = 'y') AS u",
    "SELECT * FROM t WHERE q IN (SELECT m.a FROM t JOIN m)",
    "SELECT id, (SELECT a FROM m WHERE q = 'x') AS x FROM t",
    "SELECT * FROM t WHERE EXISTS (SELECT m.a FROM t JOIN m)",
    "SELECT n.b FROM (SELECT t.id, m.a AS q FROM t JOIN m) AS s JOIN n",
    "SELECT a FROM m WHERE q = (SELECT b FROM n WHERE q = 'x')",
]


@pytest.fixture
def session(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Give a session with two models and a table."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.answer = last_text
    with Session(files=tmp_path) as running:
        running.register("t", pd.DataFrame({"id": [1, 2], "q": ["one", "two"]}))
        running.sql(SETUP)
        yield running


@pytest.mark.parametrize("form", FORMS)
def test_a_dry_run_pays_nothing(form: str, session: Session, provider: OfflineProvider) -> None:
    """USING at the outside of a subselect was dropped, and the dry run paid."""
    session.sql(f"{form} USING dry_run = true")
    assert provider.requests == []


@pytest.mark.parametrize("form", FORMS)
def test_options_reach_every_model(form: str, session: Session, provider: OfflineProvider) -> None:
    """All requests have the parameter."""
    session.sql(f"{form} USING max_tokens = 7, deduplicate = true")
    assert provider.requests
    assert {request.body["max_tokens"] for request in provider.requests} == {7}


@pytest.mark.parametrize("form", FORMS[:6])
def test_limits_hold(form: str, session: Session, provider: OfflineProvider) -> None:
    """max_rows refuses the rows of a subselect too."""
    with pytest.raises(AboveLimitError, match="max_rows = 1"):
        session.sql(f"{form} USING max_rows = 1")


def test_the_nearer_option_beats_the_outer_one(session: Session, provider: OfflineProvider) -> None:
    """What a subselect says for itself stands."""
    session.sql(
        "SELECT n.b FROM (SELECT t.id, m.a AS q FROM t JOIN m USING max_tokens = 5) AS s JOIN n "
        "USING max_tokens = 7, temperature = 0"
    )
    asked = [(request.body["max_tokens"], request.body["temperature"]) for request in provider.requests]
    assert asked == [(5, 0)] * 2 + [(7, 0)] * 2


def test_an_option_may_name_a_model_at_any_depth(session: Session, provider: OfflineProvider) -> None:
    """It reaches that one alone; a name that is nowhere is an error before anything is sent."""
    query = "SELECT n.b FROM (SELECT t.id, m.a AS q FROM t JOIN m) AS s JOIN n"
    session.sql(f"{query} USING m.max_tokens = 5, n.max_tokens = 7")
    assert [request.body["max_tokens"] for request in provider.requests] == [5, 5, 7, 7]
    with pytest.raises(StatementError) as caught:
        session.sql(f"{query} USING o.max_tokens = 5")
    assert str(caught.value) == "USING o.max_tokens: no model o in FROM; there are: n, m"
    assert len(provider.requests) == 4


def test_a_table_made_of_a_subselect(session: Session, provider: OfflineProvider) -> None:
    """CREATE TABLE and INSERT take USING too."""
    session.sql(
        "CREATE TABLE files.x (SELECT * FROM (SELECT t.id, m.a FROM t JOIN m) AS s USING max_tokens = 7)"
    )
    assert {request.body["max_tokens"] for request in provider.requests} == {7}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE files.new AS SELECT t.id, m.a FROM t JOIN m USING dry_run = true",
        "CREATE TABLE files.new (SELECT t.id, m.a FROM t JOIN m USING dry_run = true)",
        "CREATE OR REPLACE TABLE files.old AS SELECT * FROM (SELECT t.id, m.a FROM t JOIN m USING dry_run = true) AS s",
        "INSERT INTO files.old (id, q) SELECT t.id, m.a FROM t JOIN m USING dry_run = true",
        "INSERT INTO files.old (id, q) SELECT id, a FROM (SELECT t.id, m.a FROM t JOIN m) AS s USING dry_run = true",
    ],
)
def test_a_dry_run_writes_no_table(
    statement: str, session: Session, provider: OfflineProvider, tmp_path: Path
) -> None:
    """Rows without answers were added to the user's file."""
    (tmp_path / "old.csv").write_text("id,q\n1,one\n")
    table = "files.new" if "files.new" in statement else "files.old"
    said, estimate = repr(session.sql(statement)).split("\n\n", 1)
    assert said == f"{table} is left as it is, because this is a dry run"
    assert estimate.startswith("m: a dry run, nothing was sent: 2 rows, 2 requests, ")
    assert {file.name for file in tmp_path.iterdir() if file.suffix} == {"old.csv"}
    assert (tmp_path / "old.csv").read_text() == "id,q\n1,one\n"
    assert provider.requests == []


def test_a_dry_run_writes_no_table_of_a_connection(session: Session, provider: OfflineProvider) -> None:
    """Nor one of the user's own DuckDB."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE old (id INT, q VARCHAR)")
    with Session(connection=connection) as other:
        other.sql(f"{SETUP} INSERT INTO old SELECT 1 AS id, a AS q FROM m WHERE q = 'x' USING dry_run = true")
        other.sql("CREATE TABLE fresh AS SELECT a FROM m WHERE q = 'x' USING dry_run = true")
    assert connection.execute("SELECT count(*) FROM old").fetchall() == [(0,)]
    assert connection.execute("SHOW TABLES").fetchall() == [("old",)]
    assert provider.requests == []


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT m.a FROM t JOIN m USING dry_run = true, dry_run = false", "dry_run"),
        ("SELECT m.a FROM t JOIN m USING dry_run = true, max_tokens = 5, `DRY_RUN` = false", "dry_run"),
        ('SELECT m.a FROM t JOIN m USING max_cost = 1 /* , */, "max_cost" = 100', "max_cost"),
        ("SELECT * FROM (SELECT m.a FROM t JOIN m USING stop = ['a', 'b'], stop = 'c') AS s", "stop"),
        ("SELECT m.a FROM t JOIN m USING m.max_rows = 1, m.max_rows = 9", "m.max_rows"),
        ("CREATE MODEL k PREDICT a USING engine = 'e', column = 'q', model = 'x', model = 'y'", "model"),
        ("CREATE ML_ENGINE k FROM portkey USING api_key = 'x', check = false, api_key = 'y'", "api_key"),
    ],
)
def test_an_option_that_is_given_twice_is_refused(
    statement: str, name: str, session: Session, provider: OfflineProvider
) -> None:
    """The last one won in silence, and `dry_run = true, dry_run = false` paid."""
    with pytest.raises(StatementError) as caught:
        session.sql(statement)
    assert str(caught.value) == f"USING gives {name} twice; leave one of them out"
    assert provider.requests == []


def test_equal_names_that_are_no_doubled_options_are_read(
    session: Session, provider: OfflineProvider
) -> None:
    """In texts, objects, comments, other models' options and the USING of another query."""
    session.sql(
        "SELECT m.a FROM (SELECT t.q, n.b FROM t JOIN n USING temperature = 0) AS t JOIN m USING temperature = 1, "
        "m.max_tokens = 5, max_tokens = 6, stop = ['a, temperature = 2'], -- , temperature = 3\n"
        "parameters = {'x': 1, 'y': {'x': 1}}"
    )
    assert provider.requests[-1].body["temperature"] == 1
    assert provider.requests[-1].body["max_tokens"] == 5
    assert provider.requests[-1].body["y"] == {"x": 1}


@pytest.mark.parametrize(
    "written",
    [
        "{'logprobs':true,'x':1,'y':{'z':false,'n':null}}",
        "{'logprobs': true, 'x': 1, 'y': {'z': false, 'n': null}}",
    ],
)
def test_compact_json_is_read(written: str, session: Session, provider: OfflineProvider) -> None:
    """The host's parser reads `:true` as a parameter; the message was its own drawing."""
    session.sql(f"SELECT a FROM m WHERE q = 'it''s :x' USING parameters = {written}, stop = '\\'")
    (request,) = provider.requests
    assert {name: request.body[name] for name in ("logprobs", "x", "y")} == {
        "logprobs": True, "x": 1, "y": {"z": False, "n": None}
    }  # fmt: skip
    assert last_text(request.body) == "it's :x"


def test_a_quoted_name_in_the_where_of_a_model_is_said(session: Session, provider: OfflineProvider) -> None:
    """The message was that `=` cannot be used, which it says has to be."""
    with pytest.raises(StatementError) as caught:
        session.sql("SELECT a FROM m WHERE \"q\" = 'x'")
    assert str(caught.value) == (
        "the model m takes WHERE column = 'value'; 'q' in quotes is a text: write `q` for the column"
    )
    assert provider.requests == []
