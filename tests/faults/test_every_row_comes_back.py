"""Every row comes back: faults of the provider and the gateway, and when to stop asking."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from support import unavailable
from support.asking import Asks, assert_answered
from support.gateway import Gateway, GatewayUnavailableError
from support.paid import Arrivals, Paid, answer_to

from portkey_handler.errors import QueryError
from portkey_handler.execution.circuit_breaker import HOPELESS
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text

#: How long the gateway is away: longer than the attempts of a row would last by themselves.
AWAY = 5.0


class Weather:
    """Faults by chance, the same in every run: what befalls a prompt's n-th attempt is a function of both.

    Attributes:
        met: How often each kind of fault was met.
    """

    def __init__(self, chances: dict[str, tuple[float, Fault]]) -> None:
        self._chances = chances
        self._attempts: Counter[str] = Counter()
        self.met: Counter[str] = Counter()

    def __call__(self, request: RecordedRequest) -> Fault | None:
        """Say what goes wrong with a request."""
        if request.method != "POST":
            return None
        prompt = last_text(request.body)
        self._attempts[prompt] += 1
        digest = hashlib.sha256(f"{prompt}/{self._attempts[prompt]}".encode()).digest()
        left = int.from_bytes(digest[:4], "big") / 2**32
        for name, (chance, fault) in self._chances.items():
            left -= chance
            if left < 0:
                self.met[name] += 1
                return fault
        return None


BAD_DAY = {
    "reset": (0.05, Fault("reset")),
    "500": (0.05, Fault(status=500)),
    "429": (0.045, Fault(status=429)),
    "429 with Retry-After": (0.005, Fault(status=429, headers={"Retry-After": "1"})),
    "malformed": (0.02, Fault("malformed")),
    "stall": (0.005, Fault("stall")),
    "stall in the body": (0.005, Fault("stall_body")),
}


def _bad_day(ask: Asks, provider: OfflineProvider, paid: Paid, rows: int, engine: dict[str, str]) -> None:
    weather = Weather(BAD_DAY)
    provider.behaviour.faults = weather
    provider.behaviour.latency = 0.005
    assert_answered(ask(rows, engine=engine, timeout=1), rows)
    assert set(weather.met) == set(BAD_DAY)
    # A body that stalled was made, and is made again.
    assert len(paid.answers) == rows
    assert paid.twice <= weather.met["stall in the body"]
    # Each fault costs an attempt and no more.
    assert paid.asked <= rows + weather.met.total() + rows * 0.01


def test_a_bad_day(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """5 % resets, 5 % 500, 5 % 429, 2 % malformed, 1 % stalls: no failed row, each with its own answer."""
    _bad_day(ask, provider, paid, 400, {})


@pytest.mark.soak
def test_a_bad_day_of_five_thousand_rows(
    ask: Asks, provider: OfflineProvider, paid: Paid, gateway: Gateway
) -> None:
    """The same at full size, with the real gateway in between."""
    engine = {"base_url": gateway.base_url, "provider": "openai", "custom_host": provider.base_url}
    _bad_day(ask, provider, paid, 5000, engine)


def _own_gateway() -> Gateway:
    try:
        return Gateway().__enter__()
    except GatewayUnavailableError as reason:
        unavailable(str(reason))


@pytest.mark.parametrize("concurrency", [None, pytest.param(32, marks=pytest.mark.soak)])
def test_a_gateway_that_goes_and_comes_back_costs_no_row(
    ask: Asks, provider: OfflineProvider, paid: Paid, concurrency: int | None
) -> None:
    """Stopped for 5 s in the middle: no failed row, though a row has two attempts only."""
    provider.behaviour.latency = 0.02
    gateway = _own_gateway()
    restarted = Gateway(port=gateway.port)
    gone = threading.Event()
    paid.after(100, gone.set)
    engine = {
        "base_url": gateway.base_url,
        "provider": "openai",
        "custom_host": provider.base_url,
        "provider_api_key": "key-of-the-provider",
    }
    flight = {} if concurrency is None else {"concurrency": concurrency}
    try:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask, 400, engine=engine, max_attempts=2, **flight)
            assert gone.wait(60)
            gateway.__exit__(None, None, None)
            time.sleep(AWAY)  # the fault itself
            restarted.__enter__()
            assert_answered(asking.result(timeout=100), 400)
    finally:
        gateway.__exit__(None, None, None)
        restarted.__exit__(None, None, None)
    assert paid.twice <= (concurrency or 64)


def test_a_gateway_that_never_was_there_is_said_at_once(ask: Asks, paid: Paid) -> None:
    """Nothing is waited for that no query has ever reached."""
    with pytest.raises(QueryError, match="cannot be reached"):
        ask(100, engine={"base_url": "http://127.0.0.1:9/v1"}, max_attempts=2)
    assert paid.asked == 0


def test_a_refused_row_is_null_with_its_reason(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """One in a thousand always gets 400: 1 NULL, and the reason beside it."""
    refusal = Fault(status=400, body={"error": {"message": "this prompt is not allowed"}})
    provider.behaviour.faults = Arrivals(refusal, lambda prompt: prompt == "question 617")
    answers = ask(1000, on_error="null", select="SELECT t.id, t.q, m.answer, m.answer_error FROM t JOIN m")
    failed = answers[answers["answer"].isna()]
    assert failed["id"].tolist() == [617]
    assert "this prompt is not allowed" in failed["answer_error"].item()
    assert answers["answer_error"].notna().sum() == 1
    assert paid.asked == 1000


@pytest.mark.parametrize("concurrency", [1, 5, 32])
def test_a_rejected_key_is_said_once(
    ask: Asks, provider: OfflineProvider, paid: Paid, concurrency: int
) -> None:
    """401 from the start: no more requests than are in flight, and one clear error."""
    provider.behaviour.key = "another"
    provider.behaviour.latency = 0.01
    with pytest.raises(QueryError, match="401") as caught:
        ask(1000, engine={"provider_api_key": "wrong-key-canary"}, concurrency=concurrency)
    assert paid.asked <= concurrency
    assert "wrong-key-canary" not in str(caught.value)
    assert len(str(caught.value).splitlines()[0]) < 500


@pytest.mark.parametrize("status", [401, 403])
def test_one_rejected_key_among_answers_is_its_rows_own(
    ask: Asks, provider: OfflineProvider, paid: Paid, status: int
) -> None:
    """A target that was revoked, a prompt that is blocked: that row's error, not the query's."""
    provider.behaviour.faults = Arrivals(Fault(status=status), lambda prompt: prompt == "question 30")
    for requests in (100, 101):  # the second time only that row is asked, and fails alone again
        answers = ask(100, on_error="null")
        assert [row for row, value in enumerate(answers["answer"]) if pd.isna(value)] == [30]
        assert paid.asked == requests


def test_many_refused_rows_are_theirs_the_second_time_too(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Where nothing is asked but what was refused before, that is no reason to stop."""
    refusal = Arrivals(Fault(status=400), lambda prompt: int(prompt.split()[1]) >= 100)
    provider.behaviour.faults = refusal
    for requests in (400, 700):
        answers = ask(400, on_error="null")
        assert answers["answer"].isna().tolist() == [False] * 100 + [True] * 300
        assert paid.asked == requests


def test_a_gateway_that_is_not_there_is_said_though_answers_are_kept(ask: Asks, home: Path) -> None:
    """What an earlier query was answered does not make rows wait for it one by one."""
    with OfflineProvider() as gone:
        Paid(gone)
        engine = {"base_url": gone.base_url}
        ask(50, engine=engine)
    with pytest.raises(QueryError, match=r"stopped.*cannot be reached"):
        ask(500, engine=engine, max_attempts=1)


def _all_fail(ask: Asks, provider: OfflineProvider, paid: Paid, concurrency: int, attempts: int) -> None:
    provider.behaviour.faults = Arrivals(Fault(status=500))
    with pytest.raises(QueryError, match=r"(?s)stopped.*500"):
        ask(5000, concurrency=concurrency, max_attempts=attempts)
    # Patience for so many failed rows, and what was in flight when it was over.
    assert paid.asked <= attempts * (HOPELESS + 2 * concurrency)


def test_nothing_but_failures_stops_the_query(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Every answer 500: it stops after a bounded number, and says so."""
    _all_fail(ask, provider, paid, 32, 2)


@pytest.mark.soak
def test_nothing_but_failures_stops_the_query_in_the_end(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """The same with as many attempts as nobody changed."""
    _all_fail(ask, provider, paid, 64, 6)


def test_failures_after_answers_stop_the_query_too(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """A provider that breaks for good in the middle does not fail thousands of rows one by one."""
    provider.behaviour.faults = lambda request: (
        Fault(status=500) if request.method == "POST" and request.number > 200 else None
    )
    with pytest.raises(QueryError, match="500"):
        ask(20_000, concurrency=64, max_attempts=1)
    assert paid.asked < 2_000


def test_answers_are_right_where_equal_rows_meet_faults(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Equal rows wait for one request, however often that has to be tried."""
    weather = Weather({"500": (0.15, Fault(status=500)), "reset": (0.1, Fault("reset"))})
    provider.behaviour.faults = weather
    rows = pd.DataFrame({"id": range(900), "q": [f"question {row % 30}" for row in range(900)]})
    answers = ask(rows, max_attempts=20)
    assert answers["answer"].tolist() == [answer_to(f"question {row % 30}") for row in range(900)]
    assert paid.total == 30
