"""max_cost_per_day: what all queries of an engine may cost on a day, over processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import AboveLimitError, OptionError, PortkeyHandlerError, QueryError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.host.data_dir import data_dir
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.usage import daily_budget
from portkey_handler.usage.daily_budget import DailyBudget, today
from portkey_handler.usage.run_history import RunHistory

#: An answer of a thousand tokens, at $1,000 a million.
PRICE = '{"input": 0, "output": 1000}'


def ask(
    provider: OfflineProvider,
    rows: range,
    most: float,
    *,
    name: str = "e",
    model_name: str = "",
    **using: Any,
) -> pd.DataFrame:
    """Ask rows whose answers cost a dollar each."""
    provider.behaviour.answer = lambda _: "word " * 1000
    engine = {"max_cost_per_day": most, "price": PRICE}
    told = {"model": "m", "max_tokens": None, "concurrency": 1, "max_attempts": 1, **using}
    plan = resolve(
        target="answer",
        engine=engine,
        model=told,
        environment={},
        engine_name=name,
        model_name=model_name,
    ).plan
    frame = pd.DataFrame({"q": [f"row {row}" for row in rows]})
    return Predictor(plan)(frame, EngineConfig({"base_url": provider.base_url}))


def test_queries_of_a_day_share_the_limit(provider: OfflineProvider) -> None:
    """Two dollars are spent; a third query stops in the middle, and a fourth is refused."""
    ask(provider, range(2), 4.5)
    with pytest.raises(QueryError) as caught:
        ask(provider, range(10, 20), 4.5, model_name="guessed")  # its answers are guessed at 100 tokens
    assert str(caught.value).startswith(
        "the query was stopped after 3 requests, because max_cost_per_day = 4.5 is reached: about $5.00 spent "
        "since midnight UTC, $3.00 of it by this query; 3 answered and cached; "
    )
    with pytest.raises(AboveLimitError) as refused:
        ask(provider, range(20, 21), 4.5)
    assert str(refused.value) == (
        "answer: max_cost_per_day = 4.5 of the engine is reached: about $5.00 spent since midnight UTC, and "
        "nothing was sent; raise it in CREATE ML_ENGINE, or wait for the next day"
    )
    assert len(provider.requests) == 5


def test_a_query_that_would_exceed_the_day_is_refused(provider: OfflineProvider) -> None:
    """By the estimate, together with what was spent."""
    ask(provider, range(2), 10)
    with pytest.raises(
        AboveLimitError, match=r"together with the \$2\.00 of today more than max_cost_per_day = 10,"
    ):
        ask(provider, range(10, 20), 10)
    assert len(provider.requests) == 2


def test_another_engine_has_its_own_day(provider: OfflineProvider) -> None:
    """The limit is the engine's."""
    ask(provider, range(2), 2.5)
    ask(provider, range(10, 12), 2.5, name="other")
    assert len(provider.requests) == 4


def test_the_next_day_begins_with_nothing(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is one in UTC."""
    ask(provider, range(2), 2.5)
    monkeypatch.setattr(daily_budget, "today", lambda: "2999-01-01")
    ask(provider, range(10, 12), 2.5)
    assert len(provider.requests) == 4


def test_cached_answers_cost_no_day(provider: OfflineProvider) -> None:
    """They were paid already."""
    for _ in range(3):
        ask(provider, range(2), 2.5)
    assert len(provider.requests) == 2


def test_queries_at_once_see_each_other(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs has told what it spent so far, before its record is written."""
    monkeypatch.setattr(daily_budget, "_BETWEEN_LOOKS", 0.0)
    provider.behaviour.latency = 0.05
    stopped: list[str] = []

    def run(first: int) -> None:
        try:
            ask(provider, range(first, first + 20), 6.5, max_rows=20)
        except (QueryError, AboveLimitError) as error:
            stopped.append(str(error))

    threads = [threading.Thread(target=run, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stopped) == 2
    assert 7 <= len(provider.requests) <= 9


def test_what_a_killed_query_has_spent_counts() -> None:
    """Its record is never written; what it told stays for the day."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from portkey_handler.usage.daily_budget import DailyBudget\n"
        "from portkey_handler.usage.run_history import RunHistory\n"
        "DailyBudget(RunHistory(Path(sys.argv[1])), 'e').look(3.0); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(data_dir())], check=False)
    assert DailyBudget(RunHistory(data_dir()), "e").look(0.0) == 3.0
    assert DailyBudget(RunHistory(data_dir()), "another").look(0.0) == 0.0


def test_a_query_that_is_recorded_is_counted_once(provider: OfflineProvider) -> None:
    """The record replaces what it told while it ran."""
    ask(provider, range(2), 100)
    assert RunHistory(data_dir()).spent("e", today()) == pytest.approx(2.0)


def test_a_dry_run_knows_the_day(provider: OfflineProvider, caplog: pytest.LogCaptureFixture) -> None:
    """It says what the query would end with, and writes nothing."""
    assert ask(provider, range(1), 2.5, dry_run=True)["answer"].isna().all()
    assert not (data_dir() / "ledger.sqlite").exists()
    ask(provider, range(2), 2.5)
    with caplog.at_level("INFO", "portkey_handler"):
        ask(provider, range(10, 20), 2.5, dry_run=True)
    assert "together with the $2.00 of today more than max_cost_per_day = 2.5" in caplog.text


def test_a_history_that_cannot_be_used_holds_no_limit(provider: OfflineProvider) -> None:
    """What was spent is not known, so nothing is."""
    (data_dir() / "ledger.sqlite").mkdir(parents=True)
    with pytest.raises(PortkeyHandlerError, match=r"ledger\.sqlite cannot be used: "):
        ask(provider, range(2), 2.5)
    assert provider.requests == []


def test_a_history_that_breaks_meanwhile_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query goes on with what it knows, and says so once."""
    monkeypatch.setattr(daily_budget, "_BETWEEN_LOOKS", 0.0)
    RunHistory(tmp_path).spend("e", "another", today(), 2.0)
    budget = DailyBudget(RunHistory(tmp_path), "e")
    assert budget.look(0.0) == 2.0
    (tmp_path / "ledger.sqlite").unlink()
    (tmp_path / "ledger.sqlite").mkdir()
    assert [budget.look_now_and_then(1.0), budget.look_now_and_then(2.0)] == [2.0, 2.0]
    assert [record.getMessage()[:68] for record in caplog.records] == [
        "max_cost_per_day does not know what other queries spend: " + str(tmp_path)[:11]
    ]


def test_it_is_an_option_of_the_engine() -> None:
    """A model or a query must not raise it."""
    with pytest.raises(OptionError, match="max_cost_per_day"):
        resolve(target="a", engine={}, model={"max_cost_per_day": 5}, environment={})
