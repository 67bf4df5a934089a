"""How many requests are in flight, and how far apart they are, with providers of many kinds; in virtual time."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import pytest
from support import virtual_time

from portkey_handler.errors import RateLimitError
from portkey_handler.execution.concurrency import AdaptiveConcurrency
from portkey_handler.execution.mapper import Mapper, MapperLimits
from portkey_handler.execution.throttle import AdaptiveThrottle
from portkey_handler.records import Evidence, Item, Outcome, Remaining, Request, Response


def rounds(flight: AdaptiveConcurrency, serves: int, seconds: float, count: int) -> list[int]:
    """Let a flight have rounds with somebody who serves a few at a time; give its size after each."""
    now, sizes = 0.0, []
    for _ in range(count):
        size = flight.limit
        free = [now] * min(serves, size)
        ends = []
        for _ in range(size):
            free.sort()
            free[0] += seconds
            ends.append(free[0])
        for end in ends:
            flight.answered(now, end)
        now = max(ends)
        sizes.append(flight.limit)
    return sizes


def test_the_flight_stays_small_where_answers_would_come_too_late() -> None:
    """Two at a time, a second each, five seconds of patience: more in flight would only time out."""
    assert rounds(AdaptiveConcurrency(None, timeout=5), serves=2, seconds=1, count=30) == [8] * 30


def test_a_larger_flight_that_is_not_worth_it_is_taken_back() -> None:
    """With patience enough it is tried, found not to answer more, and left alone for a good while."""
    sizes = rounds(AdaptiveConcurrency(None, timeout=600), serves=4, seconds=1, count=20)
    assert sizes == [32, 32] + [8] * 18


def test_the_flight_reaches_its_end_where_it_is_worth_it() -> None:
    """A leap from 8 to 32, then twice as many each time, and no further than the end."""
    sizes = rounds(AdaptiveConcurrency(None, timeout=60), serves=5000, seconds=1, count=9)
    assert sizes == [32, 64, 128, 256, 512, 1024, 1024, 1024, 1024]


def test_the_leap_is_a_step_where_answers_would_come_too_late() -> None:
    """With 40 s of patience and 15 s an answer, 16 may be in flight and 32 may not."""
    assert rounds(AdaptiveConcurrency(None, timeout=50), serves=1000, seconds=15, count=2) == [16, 32]


def stream(flight: AdaptiveConcurrency, serves: int, seconds: float, count: int) -> tuple[float, list[int]]:
    """Keep a flight full with somebody who serves a few at a time; give the end, and its size after each."""
    free, waiting, sizes = [0.0] * serves, [], []
    now, sent = 0.0, 0
    while len(sizes) < count:
        while sent < count and len(waiting) < flight.limit:
            sent += 1
            begun = max(now, heapq.heappop(free))
            heapq.heappush(free, begun + seconds)
            heapq.heappush(waiting, (begun + seconds, sent, now))
        now, _, sent_at = heapq.heappop(waiting)
        flight.answered(sent_at, now)
        sizes.append(flight.limit)
    return now, sizes


def test_a_hundred_rows_take_three_rounds() -> None:
    """8, then 32, then the rest: what waits for its answer when the flight grows doesn't hold it up."""
    end, _ = stream(AdaptiveConcurrency(None, timeout=60), serves=1000, seconds=0.2, count=100)
    assert end == pytest.approx(0.6)


@pytest.mark.parametrize("serves", [1, 2, 4])
def test_a_stream_that_is_served_few_at_a_time_stays_small(serves: int) -> None:
    """With patience enough four times the flight is tried, twice later on, and taken back each time."""
    _, sizes = stream(AdaptiveConcurrency(None, timeout=6000), serves=serves, seconds=1, count=1500)
    assert max(sizes) == 32
    assert max(sizes[100:]) == 16
    assert sizes.count(8) > 1000


@pytest.mark.parametrize(("serves", "size"), [(20, 32), (40, 64), (400, 512)])
def test_a_stream_that_is_served_many_at_a_time_grows(serves: int, size: int) -> None:
    """The flight becomes as large as is answered at a time, or twice that."""
    end, sizes = stream(AdaptiveConcurrency(None, timeout=6000), serves=serves, seconds=1, count=6000)
    assert sizes.count(size) > 3000
    assert end <= 6000 / min(serves, size) + 6


def test_the_limit_does_not_grow_above_what_the_provider_still_takes() -> None:
    """It says so in a header of each answer."""
    flight = AdaptiveConcurrency(None, timeout=60)
    for _ in range(8):
        flight.answered(0.0, 1.0, left=20)
    assert flight.limit == 20
    for _ in range(20):
        flight.answered(1.0, 2.0, left=5)
    assert flight.limit == 20


@pytest.mark.parametrize(("concurrency", "then"), [(None, [8, 32]), (3, [3, 3]), (1, [1, 1])])
def test_the_first_request_may_be_alone(concurrency: int | None, then: list[int]) -> None:
    """Until it is answered; then the flight begins as ever."""
    flight = AdaptiveConcurrency(concurrency, timeout=60, first_alone=True)
    assert flight.limit == 1
    flight.answered(0.0, 1.0)
    assert [flight.limit, *rounds_from(flight, 1.0)] == then


def rounds_from(flight: AdaptiveConcurrency, now: float) -> list[int]:
    """Answer a whole flight at once, and give its size then."""
    for _ in range(flight.limit):
        flight.answered(now, now + 1)
    return [flight.limit]


# Refusals


def burst(flight: AdaptiveConcurrency, size: int, accepted: int, now: float) -> bool:
    """Let all but some of a flight be refused, one after the other."""
    again = [flight.refused(now, now + 0.1, in_flight) for in_flight in range(size - 1, accepted - 1, -1)]
    return any(again)


@pytest.mark.parametrize(("accepted", "limit"), [(60, 64), (50, 45), (40, 36), (0, 32)])
def test_a_burst_leaves_what_was_accepted(accepted: int, limit: int) -> None:
    """A few are chance. More: nine tenths of what was not refused, but no less than half."""
    flight = AdaptiveConcurrency(64, timeout=60)
    assert not burst(flight, 64, accepted, now=1.0)
    assert flight.limit == limit


def test_a_burst_below_what_was_accepted_is_another_limit() -> None:
    """Then it is not the number of requests in flight, and they must be spaced; after a growth it is a new one."""
    flight = AdaptiveConcurrency(64, timeout=60)
    assert not burst(flight, 64, 0, now=1.0)
    assert burst(flight, 32, 0, now=2.0)
    assert flight.limit == 16
    for _ in range(16):
        flight.answered(3.0, 4.0)
    assert flight.limit == 18
    assert not burst(flight, 18, 0, now=5.0)


def test_after_a_burst_the_limit_rests_and_then_grows_with_care() -> None:
    """Eight rounds, then an eighth more in each; a trial that is refused is taken back for sixteen."""
    flight = AdaptiveConcurrency(64, timeout=60)
    burst(flight, 64, 50, now=1.0)
    sizes, now = [], 2.0
    for _ in range(30):
        for answer in range(flight.limit):
            if flight.limit > 50 and answer < 5:
                flight.refused(now, now, flight.limit)
            flight.answered(now, now + 1)
        now += 1
        sizes.append(flight.limit)
    assert sizes == [45] * 8 + [50, 56, 50] + [50] * 16 + [56, 50, 50]


# Whole queries: the real mapper, with providers of many kinds


@dataclass
class Provider:
    """A provider with a limit of its own.

    Attributes:
        seconds: How long an answer takes.
        spread: By what share that differs.
        places: How many requests it takes at a time, or None.
        queues: Whether others wait; else they are refused.
        per_second: How many requests it takes in any second, or None.
        chance: The share of requests that it refuses whatever they are.
        tokens_left: What it says is left of its limit of tokens, of which each request uses 100; or None.
    """

    seconds: float
    places: int | None = None
    queues: bool = False
    per_second: int | None = None
    chance: float = 0.0
    spread: float = 0.3
    tokens_left: int | None = None
    inside: int = 0
    peak: int = 0
    sent: int = 0
    refused: int = 0
    answered: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(1)  # noqa: S311 - no secret
        self._room = asyncio.Semaphore(self.places or 1)

    async def __call__(self, request: Request) -> Response:
        """Answer, or refuse after 20 ms."""
        self.sent += 1
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        try:
            if self._refuses():
                self.refused += 1
                await asyncio.sleep(0.02)
                raise RateLimitError("429: slow down", status=429)
            seconds = self.seconds * self._dice.uniform(1 - self.spread, 1 + self.spread)
            if self.queues:
                async with self._room:
                    await asyncio.sleep(seconds)
            else:
                await asyncio.sleep(seconds)
        finally:
            self.inside -= 1
        self.answered.append(asyncio.get_running_loop().time())
        body = {"text": request.body.decode(), "usage": {"total_tokens": 100, "completion_tokens": 20}}
        left = None if self.tokens_left is None else Remaining(tokens=self.tokens_left)
        return Response(200, body, remaining=left)

    def _refuses(self) -> bool:
        if self.places is not None and not self.queues and self.inside > self.places:
            return True
        if self.per_second is not None:
            now = asyncio.get_running_loop().time()
            self.accepted = [moment for moment in self.accepted if moment > now - 1]
            if len(self.accepted) >= self.per_second:
                return True
            self.accepted.append(now)
        return self._dice.random() < self.chance


def ask(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
    """Send the text of the one item."""
    (one,) = items
    reply = yield Request("/", one.payload.encode())
    return [Outcome(reply.body["text"], evidence=Evidence(status=reply.status))]


def asked(rows: int, seconds: float, **limits: object) -> tuple[Provider, float]:
    """Ask a provider about so many rows, all of which are answered; return it, and the seconds."""

    async def main() -> tuple[Provider, float]:
        provider = Provider(seconds, **limits)  # type: ignore[arg-type]
        mapper = Mapper(ask, provider, MapperLimits(timeout=60, max_attempts=6))
        result = await mapper.run([Item(str(row).encode(), str(row)) for row in range(rows)], rows)
        assert [outcome.value for outcome in result.outcomes] == [str(row) for row in range(rows)]
        return provider, asyncio.get_running_loop().time()

    return virtual_time.run(main())


@pytest.mark.parametrize("spread", [0.02, 0.3])
@pytest.mark.parametrize("queues", [False, True])
@pytest.mark.parametrize("places", [400, 1000])
def test_a_large_provider_is_used_within_fifteen_seconds(places: int, queues: bool, spread: float) -> None:
    """Answers of 2 s: from then on at least 0.8 of what it can; in a minute 2 % are refused at most."""
    provider, _ = asked(30 * places, 2.0, places=places, queues=queues, spread=spread)
    for start in (15, 25):
        rate = sum(start <= moment < start + 10 for moment in provider.answered) / 10
        assert rate >= 0.8 * places / 2
    assert provider.refused <= 0.02 * provider.sent


@pytest.mark.parametrize(
    ("limits", "ideal"),
    [
        # Two places, as a local model has them, and few; each way of limiting.
        ({"seconds": 0.25, "places": 2, "queues": True}, 250.0),
        ({"seconds": 2.0, "places": 20}, 200.0),
        ({"seconds": 2.0, "places": 60}, 2000 / 30),
        ({"seconds": 0.2, "places": 40}, 10.0),
        ({"seconds": 0.02, "per_second": 50}, 40.0),
        ({"seconds": 0.2, "per_second": 50}, 40.0),
        ({"seconds": 1.0, "per_second": 50}, 40.0),
        ({"seconds": 0.3, "per_second": 5}, 400.0),
    ],
)
def test_a_small_provider_is_used_well(limits: dict[str, float], ideal: float) -> None:
    """2,000 rows take 1.4 times as long as they must, at most; one request of twelve is refused at most."""
    provider, seconds = asked(2000, **limits)  # type: ignore[arg-type]
    assert seconds <= 1.4 * ideal
    assert provider.refused <= provider.sent / 12


def test_refusals_by_chance_do_not_slow_a_query_down() -> None:
    """One of 33, whatever is asked: the limit grows as it does without them."""
    _, seconds = asked(10_000, 1.0, chance=0.03)
    _, without = asked(10_000, 1.0)
    assert seconds <= 1.3 * without


@pytest.mark.parametrize(("tokens_left", "peak"), [(None, 1024), (20_000, 200), (2_500, 25), (0, 8)])
def test_the_flight_does_not_grow_above_the_tokens_that_are_left(tokens_left: int | None, peak: int) -> None:
    """The provider tells them with each answer; a request has 100. Below the first limit it does not fall."""
    provider, _ = asked(10_000, 0.5, tokens_left=tokens_left)
    assert (provider.peak, provider.refused) == (peak, 0)


def test_a_query_of_days_has_no_number_too_large() -> None:
    """A rate that was lowered once grows for ever, and a power of a day's seconds is no number any more."""
    spacing = AdaptiveThrottle()
    for answer in range(100):
        spacing.answered(answer / 50)
    spacing.refused(sent_at=2.0, now=2.1)
    spacing.wait(3.0)
    assert spacing.wait(3e6) == 0


# The spacing alone


def test_requests_are_spaced_for_a_provider_that_answers_so_many_and_refuses_more() -> None:
    """Nothing before a refusal; then a little slower than its busiest second, and faster with the time."""
    spacing = AdaptiveThrottle()
    for answer in range(100):
        spacing.answered(answer / 50)
    assert [spacing.wait(2.0) for _ in range(3)] == [0, 0, 0]
    spacing.refused(sent_at=2.0, now=2.1)
    apart = 1 / (50 * 0.95)
    assert [spacing.wait(2.2) for _ in range(3)] == pytest.approx([0, apart, 2 * apart])
    assert spacing.wait(10.0) == 0
    assert 0 < spacing.wait(10.0) < apart


def test_each_burst_of_refusals_slows_down_once() -> None:
    """By 5 to 15 %, however few answers were seen meanwhile; the rest of the burst says nothing new."""
    spacing = AdaptiveThrottle()
    for answer in range(100):
        spacing.answered(answer / 100)
    spacing.refused(sent_at=1.0, now=1.1)
    spacing.wait(1.2)
    for _ in range(10):
        spacing.refused(sent_at=2.0, now=2.1)
    first, second = spacing.wait(2.2), spacing.wait(2.2)
    assert second - first == pytest.approx(1 / (95 * 0.85), rel=0.02)


def test_refusals_by_chance_do_not_slow_down_for_ever() -> None:
    """One that refuses one of twenty, however few it is asked, is still asked most of what it answers."""
    spacing = AdaptiveThrottle()
    now = 0.0
    for request in range(20_000):
        sent_at = now + spacing.wait(now)
        now = max(now + 0.01, sent_at)  # nobody asks for more than 100 a second
        if request % 20 == 19:
            spacing.refused(sent_at, now)
        else:
            spacing.answered(now)
    assert spacing.in_force
    assert 20_000 / now > 70


def test_many_refusals_slow_down_as_far_as_it_takes() -> None:
    """A limit that has become a tenth of what it was is found, too."""
    spacing = AdaptiveThrottle()
    now, allowed, sent = 0.0, 100.0, [0] * 2000
    refused = 0
    for request in range(6_000):
        now = max(now + 0.005, now + spacing.wait(now))
        if request == 1_000:
            allowed = 10.0
        second = int(now)
        sent[second] += 1
        if sent[second] > allowed:
            refused += request > 4_000
            spacing.refused(now, now)
        else:
            spacing.answered(now)
    assert refused < 0.2 * 2_000
