"""What is told of a query while it runs and at its end: the events and the log's lines."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from support.storage import make_handler

from portkey_handler.errors import QueryError, UsageError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.records import Evidence
from portkey_handler.usage.prices import cost_of
from portkey_handler.usage.progress import BETWEEN_EVENTS, Progress, on_progress

MODEL = "gpt-4o-mini"
ANSWER = "three words long"
LINES = "portkey_handler.progress"
END = "portkey_handler.predictor"


class Paid:
    """The stand-in's own count: what it was asked and answered, in words, which are its tokens."""

    def __init__(self, provider: OfflineProvider) -> None:
        provider.behaviour.answer = self.answer
        provider.behaviour.faults = self.fault
        self.asked = self.answered = self.answers = 0
        self.refuse: tuple[int, ...] = ()

    def answer(self, body: dict[str, Any]) -> str:
        """Answer, and count."""
        self.answers += 1
        self.asked += len(last_text(body).split())
        self.answered += len(ANSWER.split())
        return ANSWER

    def fault(self, request: RecordedRequest) -> Fault | None:
        """Refuse some requests, for two reasons."""
        if request.number not in self.refuse:
            return None
        reason = "The text is\x1b[2J too\nlong." if request.number % 2 else "Not this one."
        return Fault(status=400, body={"error": {"message": reason}})

    @property
    def cost(self) -> float:
        """What that is in dollars."""
        return cost_of(Evidence(model=MODEL, prompt_tokens=self.asked, completion_tokens=self.answered)) or 0


@pytest.fixture
def paid(provider: OfflineProvider) -> Paid:
    """Give the count of a stand-in that takes its time."""
    provider.behaviour.latency = BETWEEN_EVENTS
    return Paid(provider)


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, "portkey_handler"):
        yield


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[str]:
    """Give what a logger said."""
    return [record.getMessage() for record in caplog.records if record.name == logger]


def ask(provider: OfflineProvider, rows: Any = 16, **using: Any) -> list[Progress]:
    """Ask so many rows, four at a time, and give what was heard meanwhile."""
    questions = [f"question {row}" for row in range(rows)] if isinstance(rows, int) else rows
    told = {"column": "q", "model": MODEL, "concurrency": 4, "on_error": "null", **using}
    told = {name: value for name, value in told.items() if value is not None}
    handler = make_handler({"base_url": provider.base_url}, told)
    heard: list[Progress] = []
    with on_progress(heard.append):
        handler.predict(pd.DataFrame({"q": questions}), {})
    return heard


# Events


def test_the_last_event_has_the_stand_ins_own_numbers(provider: OfflineProvider, paid: Paid) -> None:
    """Rows, failures by reason, requests, tokens and dollars are what was asked, answered and refused."""
    paid.refuse = (2, 3, 4)
    last = ask(provider)[-1]
    assert (last.model, last.done, last.total, last.failed, last.kept) == ("portkey_model", 16, 16, 3, 0)
    assert last.requests == len(provider.requests) == 16
    assert last.tokens == paid.asked + paid.answered == 13 * 5
    assert last.cost == pytest.approx(paid.cost)
    assert last.unpriced == 0
    assert [number for _, number in last.reasons] == [2, 1]
    assert "Not this one." in last.reasons[0][0]


def test_what_is_told_only_grows(provider: OfflineProvider, paid: Paid) -> None:
    """No event takes back what an earlier one said, and only the last one tells the end."""
    paid.refuse = (5,)
    heard = ask(provider)
    for name in ("done", "failed", "requests", "tokens", "cost", "seconds", "share"):
        told = [getattr(event, name) for event in heard]
        assert told == sorted(told), name
    assert [event.ended is None for event in heard] == [True] * (len(heard) - 1) + [False]
    assert {event.flight for event in heard} == {4}


@pytest.mark.slow
def test_events_are_told_by_the_clock(provider: OfflineProvider, paid: Paid) -> None:
    """Between two of them is a fifth of a second, however many rows are done meanwhile."""
    seconds = [event.seconds for event in ask(provider)][:-1]
    assert len(seconds) >= 2
    assert all(later - earlier >= BETWEEN_EVENTS * 0.99 for earlier, later in pairwise(seconds))
    provider.behaviour.latency = 0
    assert len(ask(provider, 2000, reuse="never")) < 400


def test_a_query_that_stands_still_is_told_too(provider: OfflineProvider, paid: Paid) -> None:
    """Events come while no row is done; then nobody knows the speed or the time that is left."""
    provider.behaviour.latency = 3.5 * BETWEEN_EVENTS
    heard = ask(provider, 4)[:-1]
    assert heard[0].done == 0
    assert heard[0].requests == 4
    for event in heard:
        known = event.rows_per_second is not None
        assert known == (event.seconds_left is not None) == (event.done > 0)


def test_kept_answers_are_told_and_cost_nothing(provider: OfflineProvider, paid: Paid) -> None:
    """The second time nothing is asked, and nothing is said to be paid."""
    ask(provider, 5)
    last = ask(provider, 5)[-1]
    assert (last.done, last.kept, last.requests, last.tokens, last.cost) == (5, 5, 0, 0, 0)


def test_a_listener_that_fails_costs_no_answer(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not told again, one warning says so, and the query goes on."""
    told: list[Progress] = []

    def broken(progress: Progress) -> None:
        told.append(progress)
        raise OSError("the terminal is gone")

    handler = make_handler({"base_url": provider.base_url}, {"column": "q", "model": MODEL, "concurrency": 2})
    with on_progress(broken):
        answers = handler.predict(pd.DataFrame({"q": [f"question {row}" for row in range(6)]}), {})
    assert answers["answer"].tolist() == [ANSWER] * 6
    assert len(told) == 1
    assert lines(caplog, LINES) == ["progress is not shown any more"]


def test_nothing_is_left_behind(provider: OfflineProvider, paid: Paid) -> None:
    """After the end nothing is told any more, also where the loop goes on."""
    heard: list[Progress] = []

    async def main() -> int:
        with on_progress(heard.append):
            await predictor(provider).run(pd.DataFrame({"q": ["one"]}), credentials(provider))
        told = len(heard)
        await asyncio.sleep(2 * BETWEEN_EVENTS)
        return told

    assert asyncio.run(main()) == len(heard)


# Lines of the log


def test_the_log_gets_a_line_every_so_often(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With rows, speed, failures, requests, tokens, dollars, flight and time left; nobody has to listen."""
    monkeypatch.setenv("PORTKEY_HANDLER_LOG_SECONDS", "0.3")
    paid.refuse = (1,)
    handler = make_handler(
        {"base_url": provider.base_url}, {"column": "q", "model": MODEL, "concurrency": 4, "on_error": "null"}
    )
    handler.predict(pd.DataFrame({"q": [f"question {row}" for row in range(16)]}), {})
    told = lines(caplog, LINES)
    assert told
    assert re.fullmatch(
        r"portkey_model: \d+ of 16 rows \(\d+ %\), [\d.]+ rows/s, "
        r"1 failed \(1 x 400: The text is\\x1b\[2J too long\.\), \d+ requests, \d+ tokens, \$0\.0000\d+, "
        r"4 in flight, about \d+ s left",
        told[0],
    )
    assert all(record.levelno == logging.INFO for record in caplog.records)


def test_a_short_query_says_nothing_but_its_end(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """The first line comes after ten seconds."""
    ask(provider, 4)
    assert lines(caplog, LINES) == []
    assert len(lines(caplog, END)) == 1


def test_the_log_can_be_told_to_be_silent(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 seconds are none at all; listeners hear all the same."""
    monkeypatch.setenv("PORTKEY_HANDLER_LOG_SECONDS", "0")
    assert len(ask(provider, 8)) > 1
    assert lines(caplog, LINES) == []


@pytest.mark.parametrize("given", ["often", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_refused(
    given: str, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent, with the variable, its value and what it takes."""
    monkeypatch.setenv("PORTKEY_HANDLER_LOG_SECONDS", given)
    with pytest.raises(UsageError, match=f"PORTKEY_HANDLER_LOG_SECONDS is '{given}'; it takes the seconds"):
        ask(provider, 1)
    assert provider.requests == []


# The line at the end


def predictor(provider: OfflineProvider, **using: Any) -> Predictor:
    """Give a predictor that asks two rows at a time."""
    using = {"model": MODEL, "concurrency": 2, **using}
    return Predictor(resolve(target="answer", engine={}, model=using, environment={}, model_name="m").plan)


def credentials(provider: OfflineProvider) -> EngineConfig:
    """Give what reaches the stand-in."""
    return EngineConfig({"base_url": provider.base_url})


def test_the_end_is_one_line(provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture) -> None:
    """Answered, kept and from when, nothing to ask, failed, cut off, requests, tokens, cost, seconds."""
    ask(provider, 2, max_tokens=2)
    caplog.clear()
    paid.refuse = (3,)
    (*_, last) = ask(provider, ["refused", "question 0", "question 1", "question 2", None], max_tokens=2)
    assert lines(caplog, END) == [last.ended]
    assert re.fullmatch(
        r"portkey_model: 3 answered, 2 of them cached since \d\d:\d\d \(reuse = 'never' asks again\), "
        r"1 with nothing to ask, 1 failed, 3 cut off by max_tokens, 2 requests, 4 tokens, \$0\.0000\d+, "
        r"\d\.\d s",
        last.ended or "",
    )


def test_the_end_is_told_before_a_failure_is_raised(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """What was answered and paid is said in any case; the error follows."""
    paid.refuse = (1, 2)
    with pytest.raises(QueryError):
        ask(provider, 3, on_error="raise")
    (end,) = lines(caplog, END)
    assert end.startswith("portkey_model: 1 answered, 2 failed, 3 requests, 5 tokens, $")


def test_the_end_is_told_when_the_query_is_stopped(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """A rejected key ends the query at once; the line says what it came to."""
    provider.behaviour.key = "another"
    with pytest.raises(QueryError):
        ask(provider, 30, concurrency=1, on_error="raise")
    (end,) = lines(caplog, END)
    assert re.fullmatch(r"portkey_model: 0 answered, 30 failed, 1 request, 0 tokens, \$0, \d\.\d s", end)


def test_the_end_is_told_when_somebody_gives_up(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """An interrupted query is a warning that says what is done, what it came to, and how to go on."""
    heard: list[Progress] = []

    async def main() -> None:
        asking = predictor(provider).run(
            pd.DataFrame({"q": [f"question {row}" for row in range(50)]}), credentials(provider)
        )
        task = asyncio.ensure_future(asking)
        while len(provider.requests) < 5:
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with on_progress(heard.append), pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert [record.levelname for record in caplog.records if record.name == END] == ["WARNING"]
    (end,) = lines(caplog, END)
    done, requests, tokens = paid.answers, len(provider.requests), paid.asked + paid.answered
    assert end.startswith(
        f"m: interrupted; {done} of 50 rows are done and cached, {requests} requests, {tokens} tokens, $"
    )
    assert "; run it again to ask only the rest" in end
    assert heard[-1].ended == end


def test_no_rows_are_no_query(provider: OfflineProvider, caplog: pytest.LogCaptureFixture) -> None:
    """Hosts ask for the columns of an answer by a frame without rows; nobody has to read of that."""
    asyncio.run(predictor(provider).run(pd.DataFrame({"q": []}), credentials(provider)))
    assert lines(caplog, END) == []


def test_what_is_not_known_is_not_guessed(
    provider: OfflineProvider, paid: Paid, caplog: pytest.LogCaptureFixture
) -> None:
    """No price of the model, or no tokens in the reply: the line says so, and no dollars."""
    last = ask(provider, 2, model="nobody-sells-this")[-1]
    assert (last.tokens, last.cost, last.unpriced) == (10, None, 2)
    assert "10 tokens, cost not known, " in (last.ended or "")
    provider.behaviour.faults = lambda _: Fault(status=200, body={"id": 7, "choices": [{}]})
    last = ask(
        provider, 2, mode="request", column=None, path="/moderations", body='{"q": "{{q}}"}', answer="$.id"
    )[-1]
    assert (last.tokens, last.cost) == (None, None)
    assert "2 requests, tokens not known, cost not known, " in (last.ended or "")


def test_the_lines_of_batches_are_told_while_they_are_waited_for() -> None:
    """The log's line and the block on a terminal count lines, as the provider does, and no rows."""
    import io

    from rich.console import Console

    from portkey_handler.usage.terminal import drawn

    progress = Progress("m", 1_200, 5_000, in_batches=True)
    assert str(progress) == "m: 1,200 of 5,000 lines of its batches done by the provider (24 %)"
    console = Console(file=io.StringIO(), width=80)
    console.print(drawn(progress))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1,200/5,000" in shown
    assert "1,200 of 5,000 lines of its batches done by the provider" in shown
    assert "in flight" not in shown
