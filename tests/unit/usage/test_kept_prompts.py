"""What was asked and answered, kept on disk only where the model says so."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support.storage import make_handler

from portkey_handler import OptionError, QueryError, ask
from portkey_handler.errors import NotFoundError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.host.data_dir import data_dir
from portkey_handler.records import Evidence, Item, Outcome, Request, RowNames, Skipped
from portkey_handler.session import Session
from portkey_handler.usage.estimate.dry_run import dry_runs
from portkey_handler.usage.kept_prompts import AskedRow, AskedRows, KeptPrompts

SECRET = "sk-canary-1234567890abcdef"
ROW = AskedRow(time.time(), 0, "user: a", "b", None, "gpt", None, "t", "s")


@pytest.fixture
def session(provider: OfflineProvider, tmp_path: Path) -> Session:
    """Give a session with a model that keeps its prompts, and a table."""
    session = Session(tmp_path / "session", files=tmp_path)
    session.register("t", pd.DataFrame({"q": ["one", "two", "two", None, "refuse"]}))
    session.sql(
        f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', api_key = '{SECRET}'"
    )
    session.sql(
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt', keep_prompts = true"
    )
    return session


def kept_files() -> list[str]:
    """Return the names of the files of kept prompts."""
    return sorted(path.name for path in (data_dir() / "prompts").glob("*"))


def refusing(request: RecordedRequest) -> Fault | None:
    """Refuse the last row."""
    refused = bool(request.body) and "refuse" in request.body["messages"][-1]["content"]
    return Fault("status", 400, body={"error": {"message": "no"}}) if refused else None


def test_what_was_asked_and_answered_is_shown(session: Session, provider: OfflineProvider) -> None:
    """A row per distinct question, the newest first, with the reason where there is no answer."""
    provider.behaviour.answer = lambda body: body["messages"][-1]["content"].upper()
    provider.behaviour.faults = refusing
    query = "SELECT m.a FROM t JOIN m USING on_error = 'null', concurrency = 1"
    session.sql(query)

    found = session.sql("DESCRIBE m.answers")
    assert list(found.columns) == [
        *("time", "row", "prompt", "answer", "reason", "model", "kept_from", "trace_id", "span_id"),
    ]
    shown = found[["row", "prompt", "answer", "reason", "kept_from"]].values.tolist()
    assert shown == [
        [4, "user: refuse", None, "400: no", None],
        [1, "user: two", "TWO", None, None],
        [0, "user: one", "ONE", None, None],
    ]
    session.sql(query)
    assert session.sql("DESCRIBE m.answers")["kept_from"].notna().tolist() == [
        False,
        True,
        True,
        *[False] * 3,
    ]
    assert "answers" in session.sql("DESCRIBE m")["TABLES"][0]


def test_nothing_is_kept_without_the_option(session: Session) -> None:
    """No file and no folder; DESCRIBE says how to turn it on, and the list of tables leaves it out."""
    session.sql("CREATE MODEL n PREDICT a USING engine = 'e', column = 'q', model = 'gpt'")
    session.sql("SELECT n.a FROM t JOIN n")

    assert not (data_dir() / "prompts").exists()
    with pytest.raises(NotFoundError) as caught:
        session.sql("DESCRIBE n.answers")
    assert str(caught.value) == (
        "n keeps no prompts and answers; to keep those of later queries on disk: "
        "RETRAIN n USING keep_prompts = true"
    )
    assert "answers" not in session.sql("DESCRIBE n")["TABLES"][0]


def test_a_query_cannot_turn_it_on(session: Session) -> None:
    """Who may only SELECT must not make prompts of others be kept; and `ask` has no DESCRIBE."""
    with pytest.raises(OptionError, match="keep_prompts"):
        session.sql("SELECT m.a FROM t JOIN m USING keep_prompts = true")
    with pytest.raises(OptionError, match=r"^keep_prompts is for a model in SQL"):
        ask(pd.DataFrame({"q": ["a"]}), column="q", model="gpt", keep_prompts=True)


def test_only_the_owner_can_read_it_and_no_key_is_in_it(session: Session) -> None:
    """Mode 0600 in a folder of 0700."""
    session.sql("SELECT m.a FROM t JOIN m")

    folder = data_dir() / "prompts"
    assert folder.stat().st_mode & 0o777 == 0o700
    [file] = [path for path in folder.iterdir() if path.suffix == ".sqlite"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"user: one" in file.read_bytes()
    assert SECRET.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP MODEL m",
        "RETRAIN m USING keep_prompts = false",
        "CREATE OR REPLACE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt'",
    ],
)
def test_it_goes_with_the_model(session: Session, statement: str) -> None:
    """Also when the model is dropped, or says that it keeps none; a dry run deletes nothing."""
    session.sql("SELECT m.a FROM t JOIN m")
    assert len(kept_files()) == 1
    with dry_runs(lambda _: None):
        Session(session._catalog.in_memory(session._catalog._folder or Path())).sql(statement)
    assert len(kept_files()) == 1

    session.sql(statement)
    assert kept_files() == []


def test_it_goes_with_an_update(provider: OfflineProvider) -> None:
    """MindsDB's REST API changes a model so; its prompts stayed on disk."""
    options = {"column": "q", "model": "gpt-4o-mini", "keep_prompts": True}
    handler = make_handler({"base_url": provider.base_url}, options)
    handler.predict(pd.DataFrame({"q": ["one"]}))
    handler.update({"using": {"max_tokens": 9}})
    assert len(kept_files()) == 1
    handler.update({"using": {"keep_prompts": False}})
    assert kept_files() == []


def test_the_file_of_another_engine_goes_too(session: Session) -> None:
    """A model that changed its engine has two files."""
    session.sql(
        "SELECT m.a FROM t JOIN m; CREATE ML_ENGINE f FROM portkey USING check = false; RETRAIN m USING engine = 'f'"
    )
    session.sql("DROP MODEL m")
    assert kept_files() == []


def test_a_failed_query_is_kept(session: Session, provider: OfflineProvider) -> None:
    """What was asked is kept at the end, with the reasons."""
    provider.behaviour.faults = refusing
    with pytest.raises(QueryError):
        session.sql("SELECT m.a FROM t JOIN m")
    assert sorted(session.sql("DESCRIBE m.answers")["prompt"]) == ["user: one", "user: refuse", "user: two"]


def test_a_budget_and_kept_prompts_go_together(session: Session) -> None:
    """Both look at each outcome."""
    session.sql('SELECT m.a FROM t JOIN m USING max_cost = 100, price = \'{"input": 1, "output": 1}\'')
    assert len(session.sql("DESCRIBE m.answers")) == 3


def test_a_folder_that_cannot_be_used_costs_no_answer(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a warning."""
    data_dir().mkdir(exist_ok=True)
    (data_dir() / "prompts").write_text("a file")
    with caplog.at_level(logging.WARNING):
        assert len(session.sql("SELECT m.a FROM t JOIN m")) == 5
    assert "the prompts of this query are not kept: " in caplog.text


@pytest.mark.parametrize(
    ("using", "frame", "prompt", "answer"),
    [
        ({"output": "n integer"}, {"q": ["a"]}, "a", '{"n": '),
        ({"mode": "embedding", "column": "q"}, {"q": ["a"]}, "a", "["),
        (
            {"column": "q", "image_column": "i"},
            {"q": ["a"], "i": ["https://example.com/i.png"]},
            "user: a [image_url]",
            "offline",
        ),
    ],
)
def test_every_mode(
    provider: OfflineProvider,
    using: dict[str, object],
    frame: dict[str, Sequence[str]],
    prompt: str,
    answer: str,
) -> None:
    """Prompts and answers are text or JSON, an image is its type."""
    options = {"column": "q", "model": "gpt-4o-mini", "keep_prompts": True, **using}
    handler = make_handler({"base_url": provider.base_url}, options)
    handler.predict(pd.DataFrame(frame))
    [row] = handler.describe("answers").to_dict("records")
    assert prompt in row["prompt"]
    assert answer in row["answer"]


# The file


def test_it_is_bounded(tmp_path: Path) -> None:
    """The last 1,000 rows of the last 30 days; what is deleted is gone from the disk."""
    kept = KeptPrompts(tmp_path, "e", "m")
    kept.add([replace(ROW, prompt="the very first")])
    kept.add([replace(ROW, row=row) for row in range(600)])
    kept.add([replace(ROW, row=row) for row in range(600)])
    assert [row.row for row in kept.rows()] == [*reversed(range(600)), *reversed(range(200, 600))]
    assert b"the very first" not in kept.path.read_bytes()

    kept.add([replace(ROW, row="old", at=time.time() - 31 * 86_400)])
    assert "old" not in [row.row for row in kept.rows()]


def test_files_of_models_that_are_not_asked_any_more_go(tmp_path: Path) -> None:
    """MindsDB says nothing of DROP MODEL; another model's query deletes them after 30 days."""
    dropped, asked = KeptPrompts(tmp_path, "e", "dropped"), KeptPrompts(tmp_path, "e", "m")
    dropped.add([ROW])
    asked.add([ROW])
    assert dropped.path.exists()
    long_ago = time.time() - 31 * 86_400
    os.utime(dropped.path, (long_ago, long_ago))
    asked.add([ROW])
    assert not dropped.path.exists()
    assert len(asked.rows()) == 2


def test_long_and_broken_texts(tmp_path: Path) -> None:
    """A text is cut with its length, and half an emoji is replaced."""
    request = Request("/chat/completions", json.dumps({"prompt": "x" * 20_000}).encode())
    asked = AskedRows(
        lambda _: iter_once(request),
        lambda rows: [Item(b"", b"") if row else Skipped("no text", failed=True) for row in rows],
        RowNames(column="id", values=[7, 8]),
    )
    asked.note(0, Outcome.failure("no text"))
    asked.note(1, Outcome("\ud83d", evidence=Evidence(model="gpt", kept_from=1.0)))
    asked.note(2, Outcome(reason="NULL"))
    kept = KeptPrompts(tmp_path, "e", "m")
    kept.add(asked.rows())

    new, old = kept.rows()
    assert (old.row, old.prompt, old.answer, old.reason, old.kept_from) == (
        "id = 7",
        None,
        None,
        "no text",
        None,
    )
    assert new.prompt == "x" * 10_000 + "… (20,000 characters)"
    assert (new.row, new.answer, new.model, new.kept_from) == ("id = 8", "?", "gpt", 1.0)


def iter_once(request: Request) -> object:
    """Return a generator of one request."""
    yield request
