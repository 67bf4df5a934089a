"""What is on disk of prompts: at most 200 characters, in reasons and in the estimate of a dry run, or none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, last_text
from portkey_handler.session import Session
from portkey_handler.usage.estimate.dry_run import dry_runs
from portkey_handler.usage.estimate.estimator import Estimate
from portkey_handler.usage.report import choose, write_page
from portkey_handler.usage.run_history import RunHistory

#: A prompt that is searched for on disk, by its beginning, its middle and its end.
PARTS = ("begin-canary", "middle-canary", "end-canary")
PROMPT = f"{PARTS[0]} {'a ' * 80}{PARTS[1]} {'b ' * 200}{PARTS[2]}"
SELECT = "SELECT m.answer, m.answer_error FROM t JOIN m USING on_error = 'null'"


@pytest.fixture
def session(provider: OfflineProvider) -> Iterator[Session]:
    """Give a session whose provider repeats the prompt in the reason of its refusal."""
    provider.behaviour.faults = lambda request: Fault(
        status=400, body={"error": {"message": f"no: {last_text(request.body)}"}}
    )
    with Session() as session:
        session.sql(f"CREATE ML_ENGINE e FROM portkey USING check = false, base_url = '{provider.base_url}'")
        session.sql("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'q', max_attempts = 1")
        session.register("t", pd.DataFrame({"q": [PROMPT]}))
        yield session


def on_disk() -> str:
    """Give the content of all files of the data directory."""
    files = [path for path in Path(os.environ["PORTKEY_HANDLER_HOME"]).rglob("*") if path.is_file()]
    assert files
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def history() -> RunHistory:
    """Give the run history of the tests' folder."""
    return RunHistory(Path(os.environ["PORTKEY_HANDLER_HOME"]))


def test_of_a_reason_200_characters_are_kept(session: Session) -> None:
    """The frame has all that the message has; the history its first 200 characters."""
    [said] = session.sql(SELECT)["answer_error"]
    assert len(said) > 200
    assert said.startswith(f"400: no: {PARTS[0]}")
    [shown] = session.sql("DESCRIBE m.errors")["reason"]
    assert shown == said[:200]
    [run] = history().runs()
    assert run.reasons == {said[:200]: 1}
    assert [part in on_disk() for part in PARTS] == [True, True, False]


def test_of_the_prompt_of_a_dry_run_200_characters_are_kept(session: Session) -> None:
    """The last one is a mark that it was cut."""
    session.sql(f"{SELECT}, dry_run = true")
    facts = session.sql("DESCRIBE m.estimate").set_index("what")["value"]
    assert facts["example"] == f"user: {PROMPT}"[:199] + "…"
    assert [part in on_disk() for part in PARTS] == [True, True, False]


LEVELS = {
    "engine": "DROP MODEL m; DROP ML_ENGINE e; CREATE ML_ENGINE e FROM portkey USING check = false, "
    "keep_reasons = false, base_url = '{url}'; CREATE MODEL m PREDICT answer USING engine = 'e', column = 'q', "
    "max_attempts = 1",
    "model": "RETRAIN m USING keep_reasons = false",
    "query": "SELECT 1",
}


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_kept_where_nothing_is_wanted(
    level: str, session: Session, provider: OfflineProvider
) -> None:
    """Neither by the query, nor by one that raises, nor by a dry run; kind, status and ids are kept."""
    session.sql(LEVELS[level].format(url=provider.base_url))
    using = ", keep_reasons = false" if level == "query" else ""
    [said] = session.sql(SELECT + using)["answer_error"]
    assert said.startswith(f"400: no: {PARTS[0]}")
    with pytest.raises(QueryError, match=PARTS[0]):
        session.sql(f"SELECT m.answer FROM t JOIN m USING on_error = 'raise'{using}")
    session.sql(f"{SELECT}, dry_run = true{using}")
    errors = session.sql("DESCRIBE m.errors")
    assert errors[["row", "reason", "status"]].values.tolist() == [[0, "status 400", 400]] * 2
    assert errors["span_id"].notna().all()
    assert [run.reasons for run in history().runs()] == [{"status 400": 1}] * 2
    facts = session.sql("DESCRIBE m.estimate").set_index("what")["value"]
    assert facts["example"] == "not kept (keep_reasons = false)"
    assert "status 400" in write_page(choose(history(), None))
    assert [part for part in PARTS if part in on_disk()] == []


def test_the_listener_of_a_dry_run_gets_the_prompt_anyway(session: Session) -> None:
    """It is shown on the command line, which is no file."""
    heard: list[Estimate] = []
    with dry_runs(heard.append):
        session.sql(f"{SELECT}, keep_reasons = false")
    assert (heard[0].example or "").startswith(f"user: {PARTS[0]}")
    assert [part for part in PARTS if part in on_disk()] == []


def test_a_longer_prompt_of_an_earlier_release_is_shown(session: Session) -> None:
    """Its file is read as it is, until the next dry run."""
    session.sql(f"{SELECT}, dry_run = true")
    [path] = Path(os.environ["PORTKEY_HANDLER_HOME"]).glob("estimates/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "example": "x" * 300}))
    facts = session.sql("DESCRIBE m.estimate").set_index("what")["value"]
    assert facts["example"] == "x" * 300
