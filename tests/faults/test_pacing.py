"""Pacing: as fast as the provider lets us, and no faster. Nothing here is judged by the clock."""

from __future__ import annotations

import time
from email.utils import formatdate

import pandas as pd
import pytest
from support.asking import Asks, assert_answered
from support.paid import Arrivals, Paid

from portkey_handler.execution.concurrency import FIRST_LIMIT, LARGE_LIMIT
from portkey_handler.gateway.offline import Fault, OfflineProvider


def _timed(ask: Asks, rows: int, **using: object) -> float:
    started = time.monotonic()
    assert_answered(ask(rows, **using), rows)
    return time.monotonic() - started


# A provider that allows 50 requests a second


def test_a_rate_limit_is_learned(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """No failed row, and after the first burst hardly a request that is refused."""
    provider.behaviour.requests_per_second = 50
    provider.behaviour.latency = 0.02
    _timed(ask, 300)
    refused = paid.asked - paid.total
    assert paid.twice == 0
    # What is in flight when the limit is met for the first time is refused as a whole.
    assert refused <= 0.1 * paid.asked + LARGE_LIMIT


@pytest.mark.soak
@pytest.mark.parametrize("latency", [0.0, 0.02, 0.2, 1.0])
def test_a_rate_limit_costs_a_tenth_at_most(
    ask: Asks, provider: OfflineProvider, paid: Paid, latency: float
) -> None:
    """2,000 rows: no failed row, no more than a tenth refused; 40 s would be ideal."""
    provider.behaviour.requests_per_second = 50
    provider.behaviour.latency = latency
    seconds = _timed(ask, 2000)
    refused = paid.asked - paid.total
    print(f"\n50 a second, {latency:g} s each: {seconds:.1f} s, {refused} of {paid.asked} refused")  # noqa: T201
    assert refused <= 0.1 * paid.asked


# A provider that serves two at a time


def _queue(ask: Asks, provider: OfflineProvider, paid: Paid, rows: int, each: float, timeout: float) -> float:
    provider.behaviour.max_served = 2
    provider.behaviour.latency = each
    seconds = _timed(ask, rows, timeout=timeout)
    assert paid.asked - rows <= 0.1 * rows
    return seconds


def test_a_queue_is_not_made_longer_than_the_timeout(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Two are served at a time, as a local model does: all answered, hardly any sent twice."""
    _queue(ask, provider, paid, 60, 0.2, 1.0)


@pytest.mark.soak
def test_a_long_queue_is_not_made_longer_than_the_timeout(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """200 rows at 1 s each, with a timeout of 5 s; 100 s would be ideal."""
    seconds = _queue(ask, provider, paid, 200, 1.0, 5.0)
    print(f"\n2 at a time, 1 s each: {seconds:.1f} s, {paid.asked} requests")  # noqa: T201


# A provider without limits


def test_the_flight_grows_where_nothing_stops_it(ask: Asks, provider: OfflineProvider) -> None:
    """From 8 on; how far is a matter of speed, and simulated elsewhere."""
    first: list[int] = []
    provider.behaviour.latency = 0.03
    provider.behaviour.faults = lambda _: first.append(provider.peak)
    _timed(ask, 1000)
    assert first[FIRST_LIMIT] <= FIRST_LIMIT
    assert provider.peak > FIRST_LIMIT


@pytest.mark.parametrize("concurrency", [1, 20, 100])
def test_the_flight_that_is_asked_for_is_the_flight(
    ask: Asks, provider: OfflineProvider, concurrency: int
) -> None:
    """From the start, and no more."""
    provider.behaviour.latency = 0.05
    _timed(ask, 2 * concurrency, concurrency=concurrency)
    assert provider.peak == concurrency


# What a provider asks for


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds", "reset"])
def test_one_refusal_holds_everybody(
    ask: Asks, provider: OfflineProvider, paid: Paid, status: int, form: str
) -> None:
    """While a provider asks to wait, no request is sent, whoever was told."""
    wait = 2.0 if form == "date" else 1.0  # a date has whole seconds
    headers = {
        "seconds": lambda: {"Retry-After": "1"},
        "date": lambda: {"Retry-After": formatdate(time.time() + wait, usegmt=True)},
        "milliseconds": lambda: {"retry-after-ms": "1000"},
        "reset": lambda: {"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "0"},
    }[form]
    told: list[float] = []

    def refuse_the_thirtieth(request: object) -> Fault | None:
        if paid.asked != 30 or told:
            return None
        told.append(time.monotonic())
        return Fault(status=status, headers=headers())

    provider.behaviour.latency = 0.01
    provider.behaviour.faults = refuse_the_thirtieth
    assert_answered(ask(200, concurrency=4), 200)
    # Those that were on their way when the provider said it are nobody's fault.
    shortest = 0.9
    during = [post for post in paid.posts if told[0] + 0.1 < post.time < told[0] + shortest]
    assert (len(during), paid.asked) == (0, 201)


def test_a_wait_that_is_too_long_fails_its_row(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Nobody waits 2 hours: the row says how long the provider asked for, the others are answered."""
    refusal = Fault(status=429, headers={"Retry-After": "7200"})
    provider.behaviour.faults = Arrivals(refusal, lambda prompt: prompt == "question 5")
    answers = ask(40, on_error="null", select="SELECT t.id, t.q, m.answer, m.answer_error FROM t JOIN m")
    assert [row for row, reason in enumerate(answers["answer_error"]) if pd.notna(reason)] == [5]
    assert "7,200 s" in answers["answer_error"][5]
    assert paid.asked == 40


def test_requests_per_minute_is_a_bound(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """600 a minute are 10 a second, retries included: no window of a second sees much more than that."""
    provider.behaviour.faults = [Fault(status=500), None, Fault(status=500)]
    assert_answered(ask(40, requests_per_minute=600), 40)
    times = [post.time for post in paid.posts]
    most = max(sum(1 for other in times if start <= other < start + 1) for start in times)
    # A second's quota may have been saved up before the first request.
    assert most <= 20 + 2
    assert paid.asked == 42
