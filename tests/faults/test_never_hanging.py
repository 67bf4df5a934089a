"""Never hanging: every wait has an end, and what was paid before it is kept."""

from __future__ import annotations

import asyncio
import decimal
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.asking import Asks, assert_answered, create_engine, create_model, questions
from support.paid import Arrivals, Client, Paid, answer_to, run_here

from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor

FOR_EVER = 3600.0


def row_of(prompt: str) -> int:
    """Give the number of the row that asks this."""
    return int(prompt.rsplit(" ", 1)[1])


# Limits of time


@pytest.mark.parametrize("kind", ["stall", "stall_body"])
def test_timeout_bounds_an_attempt(ask: Asks, provider: OfflineProvider, paid: Paid, kind: Any) -> None:
    """Before the headers and in the middle of the body; that row fails, the others are answered."""
    provider.behaviour.faults = Arrivals(Fault(kind, seconds=FOR_EVER), lambda prompt: prompt == "question 7")
    answers = ask(30, timeout=0.3, max_attempts=2, on_error="null")
    assert [row for row, value in enumerate(answers["answer"]) if pd.isna(value)] == [7]
    assert paid.asked == 29 + 2


def test_a_stall_that_ends_is_tried_again(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """One attempt that hangs does not cost the row."""
    provider.behaviour.faults = [Fault("stall_body", seconds=FOR_EVER)]
    assert_answered(ask(10, timeout=0.3), 10)
    assert paid.asked == 11


@pytest.mark.parametrize("kind", ["stall_body", "status"])
def test_a_deadline_ends_the_query_and_keeps_what_was_paid(
    ask: Asks, provider: OfflineProvider, paid: Paid, kind: Any
) -> None:
    """Rows that are not answered then fail with that reason; the next run asks only them."""
    fault = Fault(kind, status=503, seconds=FOR_EVER)
    provider.behaviour.faults = Arrivals(fault, lambda prompt: row_of(prompt) >= 40)
    with pytest.raises(QueryError, match="deadline") as caught:
        ask(200, deadline=2, max_attempts=100)
    assert (caught.value.answered, caught.value.failed) == (40, 160)
    assert "40 answered and cached" in str(caught.value).splitlines()[0]

    provider.behaviour.faults = None
    since = paid.since()
    assert_answered(ask(200, deadline=60), 200)
    assert since() == 160


def test_a_deadline_gives_null_where_that_is_wanted(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """The rows that came in time have their answers, the others say why not."""
    provider.behaviour.faults = Arrivals(Fault(status=503), lambda prompt: row_of(prompt) >= 10)
    answers = ask(
        50,
        deadline=1,
        on_error="null",
        select="SELECT t.id, t.q, m.answer, m.answer_error FROM t JOIN m",
    )
    assert answers["answer"].notna().sum() == 10
    assert all("deadline" in reason or "503" in reason for reason in answers["answer_error"][10:])
    assert "deadline" in answers["answer_error"][49]


# Ctrl-C and cancellation


def _script(provider: OfflineProvider, folder: Path, number: int) -> str:
    folder.mkdir()
    questions(number).to_csv(folder / "t.csv", index=False)
    return (
        create_engine("e", {"base_url": provider.base_url})
        + create_model("m", {"engine": "e", "model": "one", "column": "q", "concurrency": 8})
        + "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_waits_for_what_is_in_flight(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path, number: int
) -> None:
    """No new request; those in flight are kept; one line says how many; the next run asks only the rest.

    A container that stops, or a terminal that is closed, is an interrupt too: 64 answers were paid twice.
    """
    files = tmp_path / "files"
    slow = Arrivals(Fault("stall", seconds=1.5), lambda prompt: row_of(prompt) >= 50)
    provider.behaviour.faults = slow
    sql = _script(provider, files, 300)
    with Client(sql, files, home) as client:
        slow.wait(8)
        client.interrupt(number)
        ended = client.wait()
    # Ended by the signal, as whoever has sent it expects.
    assert ended.code == -number
    assert (paid.asked, paid.total) == (58, 58)
    assert [line for line in ended.stderr.splitlines() if "58" in line and "cached" in line], ended.stderr

    provider.behaviour.faults = None
    assert_answered(run_here(sql, files), 300)
    assert (paid.asked, paid.twice) == (300, 0)


def test_an_interrupt_does_not_wait_for_ever(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """What does not come within 5 s is given up, and what came before is kept."""
    files = tmp_path / "files"
    stuck = Arrivals(Fault("stall", seconds=FOR_EVER), lambda prompt: row_of(prompt) >= 50)
    provider.behaviour.faults = stuck
    sql = _script(provider, files, 300)
    with Client(sql, files, home) as client:
        stuck.wait(8)
        client.interrupt()
        ended = client.wait()
    assert ended.code != 0
    assert (paid.asked, paid.total) == (58, 50)
    assert [line for line in ended.stderr.splitlines() if "50" in line and "cached" in line], ended.stderr

    provider.behaviour.faults = None
    assert_answered(run_here(sql, files), 300)
    assert paid.twice == 0


def test_an_interrupt_ends_waits_for_retries(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Nobody sits out a Retry-After of a minute for a query that is not wanted any more."""
    files = tmp_path / "files"
    refused = Arrivals(Fault(status=429, headers={"Retry-After": "50"}), lambda prompt: row_of(prompt) >= 20)
    provider.behaviour.faults = refused
    with Client(_script(provider, files, 300), files, home) as client:
        refused.wait(1)
        client.interrupt()
        ended = client.wait()
    assert ended.code != 0
    assert paid.asked <= 20 + 8


def _predictor(**using: Any) -> Predictor:
    options = {"model": "one", "max_tokens": None, "concurrency": 8, **using}
    return Predictor(resolve(target="answer", engine={}, model=options, environment={}).plan)


def test_cancellation_keeps_what_is_in_flight(provider: OfflineProvider, paid: Paid, home: Path) -> None:
    """As Ctrl-C, for callers who await: CancelledError, and the next run asks only the rest."""
    slow = Arrivals(Fault("stall", seconds=1.0), lambda prompt: row_of(prompt) >= 50)
    provider.behaviour.faults = slow
    frame = questions(200)[["q"]]
    credentials = EngineConfig({"base_url": provider.base_url})

    async def cancelled() -> None:
        task = asyncio.create_task(_predictor().run(frame, credentials))
        await asyncio.to_thread(slow.wait, 8)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancelled())
    assert (paid.asked, paid.total) == (58, 58)
    provider.behaviour.faults = None
    answers = asyncio.run(_predictor().run(frame, credentials))
    assert answers["answer"].tolist() == [answer_to(question) for question in frame["q"]]
    assert (paid.asked, paid.twice) == (200, 0)


def test_cancellation_sends_nothing_that_waits(provider: OfflineProvider, paid: Paid, home: Path) -> None:
    """Neither what waits for its turn under a limit, nor what waits because the provider asked to."""
    refused = Fault(status=429, headers={"Retry-After": "1"})
    waits = {
        "turn": (_predictor(requests_per_minute=60, reuse="never"), None),
        "provider": (_predictor(concurrency=1, reuse="never"), lambda prompt: prompt == "question 2"),
    }
    for predictor, only in waits.values():
        arrivals = Arrivals(None) if only is None else Arrivals(refused, only)
        provider.behaviour.faults = arrivals

        async def cancelled(predictor: Predictor, arrivals: Arrivals) -> None:
            credentials = EngineConfig({"base_url": provider.base_url})
            task = asyncio.create_task(predictor.run(questions(50)[["q"]], credentials))
            await asyncio.to_thread(arrivals.wait, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        before = paid.asked
        asyncio.run(cancelled(predictor, arrivals))
        assert paid.asked - before <= 3


# Rows and replies of any size and kind


def test_a_large_row_is_a_row(ask: Asks, paid: Paid) -> None:
    """5 MB go out and are answered, and are known the second time."""
    rows = questions(3)
    rows.loc[1, "q"] = "many words " * (5 * 2**20 // 11)
    for _ in range(2):
        answers = ask(rows, max_tokens=10)
        assert answers["answer"].tolist()[::2] == [answer_to("question 0"), answer_to("question 2")]
        assert answers["answer"][1].startswith("the answer to many words")
        assert answers["answer"].notna().all()
        assert paid.asked == 3


def test_a_large_reply_is_an_answer(ask: Asks, paid: Paid) -> None:
    """20 MB come in, are kept, and come out of the journal as they were."""
    large = "0123456789" * (2 * 2**20)
    paid.say = lambda prompt, _: large if prompt == "question 1" else "small"
    for _ in range(2):
        assert ask(3)["answer"].tolist() == ["small", large, "small"]
    assert paid.asked == 3


STRANGE: list[Any] = [
    "plain",
    "a lone surrogate \ud800",
    "a NUL \0 inside",
    "\0",
    float("nan"),
    None,
    pd.NA,
    pd.NaT,
    decimal.Decimal("1.10"),
    decimal.Decimal("NaN"),
    np.float64(2.5),
    np.int64(3),
    np.bool_(True),
    np.str_("numpy text"),
    np.datetime64("2026-01-01"),
    float("inf"),
    10**40,
    b"\xff\xfe",
    {"a": [1, None]},
    np.array([1, 2]),
    object(),
    "the end",
]


def test_a_strange_prompt_is_its_rows_business(provider: OfflineProvider, paid: Paid, home: Path) -> None:
    """An answer or that row's reason, never the query's end; and the same again from the journal."""
    frame = pd.DataFrame({"q": pd.Series(STRANGE, dtype=object)})
    credentials = EngineConfig({"base_url": provider.base_url})
    first = _predictor(on_error="null")(frame, credentials)
    answers = first["answer"]
    assert (answers[0], answers[21]) == (answer_to("plain"), answer_to("the end"))
    for row, value in enumerate(answers):
        assert (value is not None and value == value) or first["answer_error"][row], STRANGE[row]  # noqa: PLR0124
    since = paid.since()
    again = _predictor(on_error="null")(frame, credentials)
    pd.testing.assert_frame_equal(first, again)
    assert since() == 0


def test_a_strange_prompt_is_its_rows_business_in_sql_too(ask: Asks, paid: Paid) -> None:
    """Text that cannot be sent, between rows that can."""
    rows = pd.DataFrame({"id": range(4), "q": ["one", "a NUL \0 inside", None, "two"]})
    answers = ask(rows, on_error="null")["answer"]
    assert (answers[0], answers[3]) == (answer_to("one"), answer_to("two"))


def test_a_strange_reply_is_its_rows_business(ask: Asks, provider: OfflineProvider) -> None:
    """Bodies that are JSON but no chat, and text that UTF-8 cannot carry: that row's reason."""
    bodies: list[Any] = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": "\\ud800"}}]}',
        b'{"choices": [{"message": {"content": "\\u0000"}}], "usage": []}',
        b'{"choices": [{"message": {"content": "ok"}}], "usage": {"prompt_tokens": 1e999}}',
        b"\xff\xfe\x00",
        b"<html>502</html>",
        b"[" * 100_000,
    ]

    def strange(request: RecordedRequest) -> Fault | None:
        if request.method != "POST":
            return None
        row = row_of(last_text(request.body))
        return Fault(status=200, body=bodies[row]) if row < len(bodies) else None

    provider.behaviour.faults = strange
    for _ in range(2):
        answers = ask(len(bodies) + 2, on_error="null", max_attempts=1)
        assert answers["answer"].tolist()[-2:] == [
            answer_to(f"question {row}") for row in (len(bodies), len(bodies) + 1)
        ]
