"""Patience with a provider that has no resources free for the cheap service tier; in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from support import virtual_time

from portkey_handler.errors import CapacityError, GatewayError, ServerError
from portkey_handler.execution.capacity import NO_PATIENCE, Capacity
from portkey_handler.execution.mapper import Mapper, MapperLimits
from portkey_handler.execution.row_results import MapResult
from portkey_handler.records import Evidence, Item, Outcome, Request, Response


@dataclass
class Provider:
    """Answers the ordinary tier at once, and the cheap one when there is room.

    Attributes:
        has_room: Returns whether there is room at this moment.
        fails: Returns the failure of a request that there is room for, or None.
    """

    has_room: Callable[[float], bool]
    fails: Callable[[float], GatewayError | None] = lambda _now: None
    sent: list[tuple[float, bytes]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer, or refuse after 20 ms."""
        now = asyncio.get_running_loop().time()
        self.sent.append((now, request.body))
        await asyncio.sleep(0.02)
        if request.body.startswith(b"cheap") and not self.has_room(now):
            raise CapacityError("429: Resource unavailable", status=429)
        if (failure := self.fails(now)) is not None:
            raise failure
        return Response(200, request.body.decode())


def ask(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
    """Send the text of the one item by the cheap tier."""
    (one,) = items
    reply = yield Request("/", b"cheap " + one.payload.encode())
    return [Outcome(reply.body, evidence=Evidence(status=reply.status))]


def ordinary(body: bytes) -> bytes:
    """Return the body for the ordinary tier."""
    return body.removeprefix(b"cheap ")


def asked(
    provider: Provider, rows: int, capacity: Capacity, max_attempts: int = 3
) -> tuple[MapResult, float]:
    """Ask about so many rows; return the result, and the seconds."""

    async def main() -> tuple[MapResult, float]:
        limits = MapperLimits(timeout=900, max_attempts=max_attempts, capacity=capacity)
        mapper = Mapper(ask, provider, limits)
        result = await mapper.run([Item(str(row).encode(), str(row)) for row in range(rows)], rows)
        return result, asyncio.get_running_loop().time()

    return virtual_time.run(main())


def values(result: MapResult) -> list[Any]:
    """Give the answers."""
    return [outcome.value for outcome in result.outcomes]


def test_requests_wait_for_minutes_until_there_is_room() -> None:
    """Far more often than max_attempts; the waits grow up to a minute, so that few requests are in vain."""
    provider = Provider(lambda now: now > 600)
    result, seconds = asked(provider, 20, Capacity(patience=900))
    assert values(result) == [f"cheap {row}" for row in range(20)]
    assert 600 < seconds < 600 + 120
    assert len(provider.sent) < 20 * 25
    assert result.stopped is None


def test_without_patience_it_is_a_refusal_like_others() -> None:
    """Then a query whose requests are all refused ends after seconds."""
    provider = Provider(lambda _now: False)
    result, seconds = asked(provider, 20, NO_PATIENCE)
    assert values(result) == [None] * 20
    assert seconds < 30


def test_a_query_ends_where_there_was_no_answer_for_too_long() -> None:
    """Every row says why, and those that were not sent say it, too."""
    provider = Provider(lambda _now: False)
    result, seconds = asked(provider, 200, Capacity(patience=900))
    assert 900 <= seconds < 1000
    assert isinstance(result.stopped, CapacityError)
    assert "Resource unavailable (no request was answered in 15 min)" in result.stopped.message
    assert all("Resource unavailable" in (one.reason or "") for one in result.outcomes)


def test_patience_begins_again_with_each_answer() -> None:
    """Room for ten requests in the last minute of each ten: it takes an hour, and all are answered."""
    taken: Counter[int] = Counter()

    def has_room(now: float) -> bool:
        window = int(now // 600)
        taken[window] += now % 600 > 540
        return now % 600 > 540 and taken[window] <= 10

    result, seconds = asked(Provider(has_room), 60, Capacity(patience=900))
    assert values(result) == [f"cheap {row}" for row in range(60)]
    assert seconds > 3000


def test_the_fallback_is_sent_at_once() -> None:
    """Each refused request once more, by the ordinary tier; the limit of requests in flight stays as it is."""
    provider = Provider(lambda _now: False)
    result, seconds = asked(provider, 300, Capacity(900, ordinary))
    assert values(result) == [str(row) for row in range(300)]
    assert seconds < 1
    assert [outcome.evidence.attempts for outcome in result.outcomes if outcome.evidence] == [2] * 300
    assert len(provider.sent) == 600


def test_the_fallback_has_all_its_attempts() -> None:
    """The refusal by the cheap tier is not one of them."""
    faults = [ServerError("500", status=500), ServerError("500", status=500), None]
    provider = Provider(lambda _now: False, lambda _now: faults.pop(0))
    result, _ = asked(provider, 1, Capacity(900, ordinary), max_attempts=3)
    assert values(result) == ["0"]
    assert [body for _, body in provider.sent] == [b"cheap 0", b"0", b"0", b"0"]


@pytest.mark.parametrize("failures", [2, 3])
def test_other_failures_count_as_ever(failures: int) -> None:
    """Of three attempts, refusals apart, two may fail."""
    faults = [*[ServerError("500", status=500)] * failures, None]
    provider = Provider(lambda now: now > 60, lambda _now: faults.pop(0))
    result, _ = asked(provider, 1, Capacity(900), max_attempts=3)
    assert values(result) == ["cheap 0" if failures == 2 else None]
