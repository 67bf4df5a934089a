"""dry_run, max_rows and max_cost: nothing is sent that was not wanted, and what is paid is kept."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import AboveLimitError, InputError, QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, last_text
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.session import Session
from portkey_handler.usage.estimate.dry_run import dry_runs, kept_estimate
from portkey_handler.usage.estimate.estimator import Estimate

MODEL = "gpt-4o-mini"
#: What the stand-in's answer of a thousand words costs: $0.60 a million tokens, by the price list.
ANSWER = 1000 * 0.6e-6
SETUP = """
CREATE ML_ENGINE e FROM portkey USING check = false, provider = 'openai';
CREATE MODEL m PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o-mini';
"""
TABLE = pd.DataFrame({"id": [1, 2, 3, 4], "q": ["a", "b", None, "a"]})


def ask(provider: OfflineProvider, rows: int | pd.DataFrame, **using: Any) -> pd.DataFrame:
    """Ask so many different rows, or these."""
    told = {"model": MODEL, "max_attempts": 1, "max_tokens": None, **using}
    plan = resolve(target="answer", engine={}, model=told, environment={}).plan
    frame = pd.DataFrame({"q": [f"row {row}" for row in range(rows)]}) if isinstance(rows, int) else rows
    return Predictor(plan)(frame, EngineConfig({"base_url": provider.base_url, "provider": "openai"}))


def talkative(provider: OfflineProvider) -> None:
    """Let every answer have a thousand words."""
    provider.behaviour.answer = lambda _: "word " * 1000


# A dry run


def test_a_dry_run_has_the_columns_of_a_real_one(provider: OfflineProvider) -> None:
    """The same names, types and index; answers are NULL, and it says why, row by row."""
    frame = TABLE[["q"]].set_index(pd.Index(list("dcba")))
    using = {"on_error": "null", "evidence": True}
    dry = ask(provider, frame, dry_run=True, **using)
    assert provider.requests == []
    real = ask(provider, frame, **using)
    assert list(dry.columns) == list(real.columns)
    assert (dry.dtypes == real.dtypes).all()
    pd.testing.assert_index_equal(dry.index, real.index)
    assert dry["answer"].tolist() == [None] * 4
    not_asked = "not asked: dry run"
    assert dry["answer_error"].tolist() == [not_asked, not_asked, "nothing to ask: q is NULL", not_asked]
    assert dry["answer_evidence"].tolist()[0] == {"error": not_asked}
    assert real["answer"].notna().tolist() == [True, True, False, True]


def test_typed_columns_have_their_types_in_a_dry_run(provider: OfflineProvider) -> None:
    """They are those of a real run with NULLs; the schema is among the prompt's tokens."""
    provider.behaviour.answer = lambda _: '{"mood": "good", "score": 0.5, "stars": 4, "sure": true}'
    using = {"output": "mood string, score float, stars integer, sure boolean"}
    frame = TABLE[["q"]]
    heard: list[Estimate] = []
    with dry_runs(heard.append):
        dry = ask(provider, frame, **using)
        ask(provider, frame)
    real = ask(provider, frame, **using)
    assert list(dry.columns) == list(real.columns)
    assert (dry.dtypes == real.dtypes).all()
    assert dry.isna().all(axis=None)
    assert real["score"].tolist()[:2] == [0.5, 0.5]
    assert heard[0].prompt_tokens > heard[1].prompt_tokens + 20


def test_a_dry_run_fails_for_no_row(provider: OfflineProvider) -> None:
    """What cannot be sent is counted; what the query itself could not do is told as ever."""
    frame = pd.DataFrame({"q": pd.Series(["a", "\ud800"], dtype="object")})
    assert ask(provider, frame, dry_run=True)["answer"].tolist() == [None, None]
    with pytest.raises(InputError, match="not among the rows' columns"):
        ask(provider, frame, dry_run=True, column="nothing")


def test_a_dry_run_says_what_the_limits_would_refuse(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no failure; the line about it gives the reason that the query would end with."""
    with caplog.at_level(logging.INFO, "portkey_handler"):
        ask(provider, 5, dry_run=True, max_rows=4)
    assert "a dry run, nothing was sent: 5 rows, 5 requests, about " in caplog.text
    assert "would be refused: answer: the query has 5 rows, more than max_rows = 4" in caplog.text


def test_no_rows_have_no_estimate(provider: OfflineProvider) -> None:
    """A host asks with none to see which columns there will be; the estimate before it stays."""
    heard: list[Estimate] = []
    with dry_runs(heard.append):
        assert list(ask(provider, pd.DataFrame({"q": []})).columns) == ["answer"]
        assert list(ask(provider, pd.DataFrame()).columns) == ["answer"]
    assert heard == []


def test_a_session_shows_the_estimate_in_describe(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of what and value; none before the first dry run; the last one replaces the one before."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    query = "SELECT * FROM (SELECT * FROM rows ORDER BY id LIMIT {}) AS t JOIN m"
    with Session() as session:
        session.register("rows", TABLE)
        session.sql(SETUP)
        assert session.sql("DESCRIBE m.estimate").empty
        session.sql(query.format(1) + " USING dry_run = true")
        dry = session.sql(query.format(4) + " USING dry_run = true")
        estimate = session.sql("DESCRIBE m.estimate")
        assert provider.requests == []
        real = session.sql(query.format(4))
    assert dry["answer"].isna().all()
    assert (dry.dtypes == real.dtypes).all()
    assert len(provider.requests) == 2
    told = dict(estimate.itertuples(index=False, name=None))
    assert [told[name] for name in ("rows", "NULL or blank", "distinct", "kept", "requests")] == list("41202")
    assert told["model"] == MODEL
    assert told["cost"].startswith("about $0.00")
    assert told["example"] == "user: a"


def test_the_kept_estimate_is_its_owners_alone(provider: OfflineProvider) -> None:
    """It shows the beginning of a prompt; damage makes it nothing."""
    ask(provider, 1, dry_run=True)
    home = Path(os.environ["PORTKEY_HANDLER_HOME"])
    (path,) = (home / "estimates").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    estimate = kept_estimate(home, "", "answer")
    assert estimate is not None
    assert estimate.example == "user: row 0"
    path.write_text('{"at": 1}')
    assert kept_estimate(home, "", "answer") is None


def test_an_estimate_that_cannot_be_kept_fails_nothing(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A home that is a file is a warning."""
    home = Path(os.environ["PORTKEY_HANDLER_HOME"])
    home.rmdir()
    home.write_text("")
    assert ask(provider, 1, dry_run=True)["answer"].tolist() == [None]
    assert "the estimate is not stored for DESCRIBE" in caplog.text


def test_an_engine_is_not_tried_in_dry_runs(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CREATE ML_ENGINE, which asks the gateway whether it is there, sends nothing either."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session() as session, dry_runs(lambda _: None):
        session.sql("CREATE ML_ENGINE e FROM portkey")
    assert provider.requests == []


# max_rows


def test_more_rows_than_max_rows_are_refused(provider: OfflineProvider) -> None:
    """Before anything is sent; as many are not more."""
    with pytest.raises(AboveLimitError) as caught:
        ask(provider, 3, max_rows=2)
    assert str(caught.value) == (
        "answer: the query has 3 rows, more than max_rows = 2, and nothing was sent; raise max_rows, or ask "
        "fewer rows by LIMIT or WHERE"
    )
    assert provider.requests == []
    assert ask(provider, 2, max_rows=2)["answer"].notna().all()


# max_cost


def test_too_expensive_a_query_is_refused(provider: OfflineProvider) -> None:
    """The estimate is said, what it rests on, and what to do; nothing was sent."""
    with pytest.raises(AboveLimitError) as caught:
        ask(provider, 1000, max_tokens=1000, max_cost=0.5)
    assert str(caught.value).startswith(
        "answer: the query would cost about $0.60, at most $0.60, more than max_cost = 0.5, and nothing was "
        "sent (1,000 requests, prompts estimated from every request; answers as long as they may be (1,000"
    )
    assert provider.requests == []


def test_what_earlier_answers_cost_decides(provider: OfflineProvider) -> None:
    """The same limit lets the query through once the answers are known to be shorter than they may be."""
    provider.behaviour.answer = lambda _: "short"
    ask(provider, 10, max_tokens=1000)
    assert ask(provider, 100, max_tokens=1000, max_cost=0.01)["answer"].tolist() == ["short"] * 100


@pytest.mark.parametrize(
    ("using", "named"),
    [
        ({"model": "nobody-knows-me"}, "'nobody-knows-me'"),
        ({"mode": "prompt", "prompt_id": "p", "model": None}, "a model that the gateway chooses"),
    ],
)
def test_without_a_price_max_cost_is_refused(
    using: dict[str, Any], named: str, provider: OfflineProvider
) -> None:
    """A limit that cannot be held is not taken; nothing was sent."""
    with pytest.raises(AboveLimitError) as caught:
        ask(provider, 3, max_cost=5, **using)
    assert f"max_cost = 5 cannot be held, because the price of {named} is not known" in str(caught.value)
    assert provider.requests == []


def test_a_query_stops_when_it_has_cost_as_much(provider: OfflineProvider) -> None:
    """What was paid is kept, the first line says what was spent, and running again asks only the rest."""
    talkative(provider)
    with pytest.raises(QueryError) as caught:
        ask(provider, 20, max_cost=5 * ANSWER, concurrency=1, on_error="null")
    error = caught.value
    assert len(provider.requests) == error.answered == 5
    assert str(error).splitlines()[0] == (
        "the query was stopped after 5 requests, because max_cost = 0.003 is reached: about $0.0030 spent; "
        "5 answered and cached; running again needs at most 15 requests, about $0.0090; "
        "raise max_cost to go on"
    )
    assert (error.requests_again, error.cost_again) == (15, pytest.approx(15 * ANSWER, rel=0.01))
    answers = ask(provider, 20, concurrency=1)
    assert len(provider.requests) == 20
    assert answers["answer"].notna().all()


def test_the_last_answer_may_reach_max_cost(provider: OfflineProvider) -> None:
    """A query that has all its answers has not been stopped."""
    talkative(provider)
    answers = ask(provider, 5, max_cost=4.5 * ANSWER, concurrency=1)
    assert answers["answer"].notna().all()


def test_kept_answers_cost_nothing(provider: OfflineProvider) -> None:
    """Neither in the estimate nor while the query runs."""
    talkative(provider)
    ask(provider, 10)
    answers = ask(provider, 11, max_cost=1.5 * ANSWER)
    assert answers["answer"].notna().all()
    assert len(provider.requests) == 11


def test_an_answer_without_a_price_ends_a_query_with_max_cost(provider: OfflineProvider) -> None:
    """Where another model answers than was asked, the limit cannot be held any longer."""
    provider.behaviour.faults = lambda _: Fault(
        status=200,
        body={
            "model": "nobody-knows-me",
            "choices": [{"message": {"content": "a"}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        },
    )
    with pytest.raises(QueryError) as caught:
        ask(provider, 20, max_cost=1, concurrency=1)
    assert "max_cost = 1 cannot be held any longer: what 'nobody-knows-me' costs is not known" in str(
        caught.value
    )
    assert len(provider.requests) == 1


# What running again will need


def refusing(provider: OfflineProvider, *texts: str) -> None:
    """Refuse these texts."""
    talkative(provider)
    provider.behaviour.faults = lambda request: (
        Fault(status=400, body={"error": {"message": "no"}}) if last_text(request.body) in texts else None
    )


@pytest.mark.parametrize(
    ("using", "said"),
    [
        ({}, "run again to send only those (2 requests, about $0.0012), or add"),
        ({"deduplicate": False}, "run again to send only those (3 requests, about $0.0018), or add"),
        ({"reuse": "never"}, "run again to send all of them (4 requests, about $0.0024), or add"),
    ],
)
def test_a_failure_says_what_running_again_needs(
    using: dict[str, Any], said: str, provider: OfflineProvider
) -> None:
    """Requests are those of distinct items; dollars follow from what the answers cost."""
    refusing(provider, "row 1", "row 3")
    frame = pd.DataFrame({"q": ["row 0", "row 1", "row 2", "row 3", "row 1", None]})
    with pytest.raises(QueryError) as caught:
        ask(provider, frame, **using)
    assert said in str(caught.value).splitlines()[0]


def test_a_single_failure_says_so_too(provider: OfflineProvider) -> None:
    """No dollars, where no answer told what one costs."""
    refusing(provider, "row 0")
    with pytest.raises(QueryError) as caught:
        ask(provider, 1)
    assert str(caught.value) == "the row failed: 400: no; running again needs 1 request"


def test_rows_that_cannot_be_sent_need_no_request(provider: OfflineProvider) -> None:
    """Running again would send nothing for them, and so it is not offered."""
    frame = pd.DataFrame({"q": pd.Series(["row 0", "\ud800"], dtype="object")})
    with pytest.raises(QueryError) as caught:
        ask(provider, frame)
    assert "run again" not in str(caught.value)
    assert caught.value.requests_again == 0


def test_texts_that_are_asked_together_are_one_request(provider: OfflineProvider) -> None:
    """Of embeddings many failed rows fit into one."""
    provider.behaviour.faults = lambda _: Fault(status=500)
    using = {"mode": "embedding", "model": "text-embedding-3-small", "inputs_per_request": 4}
    plan = resolve(target="v", engine={}, model={"max_attempts": 1, **using}, environment={}).plan
    frame = pd.DataFrame({"q": [f"row {row}" for row in range(10)]})
    with pytest.raises(QueryError) as caught:
        Predictor(plan)(frame, EngineConfig({"base_url": provider.base_url}))
    assert caught.value.requests_again == 3
    assert "run again to send all of them (3 requests), or add" in str(caught.value).splitlines()[0]
