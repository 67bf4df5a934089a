"""What a statement without rows says it has done, and the frame that shows it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session
from portkey_handler.session.done import Done

SAID = [
    ("CREATE ML_ENGINE f FROM portkey", "engine f was created"),
    ("CREATE ML_ENGINE IF NOT EXISTS f FROM portkey", "engine f exists already, so nothing was changed"),
    ("CREATE MODEL k PREDICT a USING engine = 'f', column = 'text'", "model k was created"),
    (
        "CREATE MODEL IF NOT EXISTS k PREDICT a USING engine = 'f', column = 'text'",
        "model k exists already, so nothing was changed",
    ),
    ("RETRAIN k USING prefix = 'a'", "model k has version 2"),
    ("RETRAIN k USING active = 0", "model k has version 3, which is not active"),
    ("CREATE OR REPLACE MODEL k PREDICT a USING engine = 'f', column = 'text'", "model k was replaced"),
    ("DROP MODEL k", "model k was dropped"),
    ("DROP MODEL IF EXISTS k", "there is no model k, so nothing was changed"),
    ("DROP ML_ENGINE f", "engine f was dropped"),
    ("DROP ML_ENGINE IF EXISTS f", "there is no engine f, so nothing was changed"),
    ("SET predictor_cache = false", "a session has no predict cache, so nothing was changed"),
    ("SET files.x.encoding = 'cp1252'", "files.x.encoding is set to 'cp1252'"),
    ("SET files.x.encoding = NULL", "files.x.encoding is not set any more"),
]
WRITTEN = [
    ("CREATE TABLE files.x (SELECT 1 AS a)", "files.x was created, 1 row", 1),
    ("INSERT INTO files.x VALUES (2), (3)", "2 rows inserted into files.x", 2),
    ("CREATE TABLE IF NOT EXISTS files.x (a INT)", "files.x exists already, so nothing was changed", 0),
    ("CREATE OR REPLACE TABLE files.x (SELECT 1 AS a LIMIT 0)", "files.x was replaced, 0 rows", 0),
    ("DROP TABLE files.x", "files.x was dropped", None),
    ("DROP TABLE IF EXISTS files.x", "there is no files.x, so nothing was changed", None),
]


def test_each_statement_says_what_it_has_done(session: Session) -> None:
    """In a few words, with the name; the number of written rows is there for programs."""
    wanted = [*((text, Done(words)) for text, words in SAID), *((a, Done(b, c)) for a, b, c in WRITTEN)]
    for statement, done in wanted:
        [(_, result)] = session.results(statement)
        assert result == done, statement


def test_a_program_gets_an_empty_frame(tmp_path: Path) -> None:
    """What is made of it is a plain frame, and pickling keeps the word."""
    session = Session(files=tmp_path)
    frame = session.sql("CREATE TABLE files.x (SELECT 1 AS a)")

    assert isinstance(frame, pd.DataFrame)
    assert frame.empty
    assert list(frame.columns) == []
    assert repr(frame) == str(frame) == "files.x was created, 1 row"
    assert repr(pickle.loads(pickle.dumps(frame))) == repr(frame)  # noqa: S301 - our own bytes
    for made in (frame.copy(), copy.copy(frame), frame.head(), pd.concat([frame, frame])):
        assert type(made) is pd.DataFrame
    assert frame.equals(pd.DataFrame())
    assert repr(session.sql("  ")) == "no statement, nothing was done"


def test_names_are_no_markup(tmp_path: Path) -> None:
    """In a notebook and in a terminal a name is shown, not obeyed."""
    session = Session(files=tmp_path)
    frame = session.sql("CREATE TABLE files.`<b>\x1b\x07` (SELECT 1 AS a)")

    assert repr(frame) == r"files.<b>\x1b\x07 was created, 1 row"
    assert frame._repr_html_() == r"<p>files.&lt;b&gt;\x1b\x07 was created, 1 row</p>"


@pytest.fixture
def model(provider: OfflineProvider, tmp_path: Path) -> Session:
    """Give a session with a model and a table of two questions."""
    session = Session(files=tmp_path)
    session.register("t", pd.DataFrame({"q": ["one", "two"]}))
    session.sql(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}'")
    session.sql("CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt-4o-mini'")
    return session


def test_a_dry_run_shows_its_estimate(model: Session, provider: OfflineProvider) -> None:
    """A program gets the rows with NULL; people see what the query would send and cost."""
    frame = model.sql("SELECT t.q, m.a FROM t JOIN m USING dry_run = true")

    assert frame["q"].tolist() == ["one", "two"]
    assert frame["a"].isna().all()
    lines = repr(frame).splitlines()
    assert lines[0].startswith("m: a dry run, nothing was sent: 2 rows, 2 requests, about ")
    assert "  requests        2" in lines
    assert "NaN" not in repr(frame)
    assert "<tr><th>requests</th><td>2</td></tr>" in frame._repr_html_()
    assert repr(frame.head(1)) != repr(frame)
    assert repr(model.sql("SELECT q FROM t")).splitlines()[0].split() == ["q"]
    assert provider.answered == 0


def test_a_dry_run_of_two_models_shows_both(model: Session) -> None:
    """Each has its own estimate."""
    model.sql("CREATE MODEL n PREDICT b USING engine = 'e', column = 'q', model = 'gpt-4o'")
    said = repr(model.sql("SELECT t.q, m.a, n.b FROM t JOIN m JOIN n USING dry_run = true"))

    assert [line.split(":")[0] for line in said.splitlines() if not line.startswith(" ") and line] == [
        "m",
        "n",
    ]
