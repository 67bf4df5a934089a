"""The generic cell rate algorithm: at which times requests may be sent under limits per minute.

Each request gets a slot of time of its own, one after the other: a limit of 1,200 a minute is a slot every
50 ms. This is "virtual scheduling" of ITU-T I.371 without tolerance, so there is no burst, neither at the
start nor after a pause. Pure functions of their arguments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

#: Seconds of slots that a process takes ahead of time when requests wait for them.
_AHEAD = 0.25
#: A clock that is set back by more than this number of seconds is not waited for.
CLOCK_STEP = 5.0
#: A backlog of more seconds than this, beyond what processes like this one explain, is not believed …
_BELIEVED = 120.0
#: … and so many such processes are assumed.
_PROCESSES = 64


class Backlog(NamedTuple):
    """How many slots are taken and still ahead.

    Counted in units, not as a time: so it keeps its meaning when the limit or the clock changes.

    Attributes:
        units: Requests or tokens that have slots at or after `at`.
        at: The time at which this was counted, in seconds since 1970.
    """

    units: float = 0.0
    at: float = 0.0

    def free_at(self, now: float, rate: float, asked: float = 0.0) -> float:
        """Return the time at which the next slot is free.

        Args:
            now: Seconds since 1970.
            rate: The limit in units per second.
            asked: Units that one process takes at a time. A backlog that `_PROCESSES` such processes cannot
                explain is cut off.
        """
        believed = _BELIEVED * rate + _PROCESSES * asked
        units = min(self.units, believed) if math.isfinite(self.units) else 0.0
        at = self.at if self.at <= now + CLOCK_STEP else now
        return max(now, at + max(0.0, units) / rate)

    @classmethod
    def until(cls, free_at: float, now: float, rate: float) -> Backlog:
        """Return the backlog whose next slot is free at `free_at`."""
        return cls((free_at - now) * rate, now)


class Backlogs(NamedTuple):
    """The backlogs that all processes of one scope share."""

    requests: Backlog = Backlog()
    tokens: Backlog = Backlog()


class Slot(NamedTuple):
    """Permission to send one request.

    Attributes:
        time: When the request may be sent, in seconds since 1970.
        tokens: How many tokens it was given for.
    """

    time: float
    tokens: int


@dataclass(frozen=True)
class Gcra:
    """The limits of requests and tokens, each in units per second or None."""

    requests: float | None
    tokens: float | None

    @property
    def lateness(self) -> float:
        """Seconds after its time at which an unused slot expires.

        With slots `T` seconds apart, a window of `W` seconds sees at most `(W + lateness) / T + 1` of them:
        with `1 - T` that is `W / T` plus one second's quota. Below 90 a minute, half a slot keeps a minute
        within the limit plus one.
        """
        if self.requests is None:
            return 1.0
        apart = 1 / self.requests
        return max(1 - apart, min(1.0, apart / 2))

    def batch(self, waiting: Iterable[int]) -> list[int]:
        """Return the tokens of the waiting requests for which slots are taken together, in their order."""
        most = None if self.requests is None else max(1, int(self.requests * _AHEAD))
        tokens_left = math.inf if self.tokens is None else self.tokens * _AHEAD
        batch: list[int] = []
        for tokens in islice(waiting, most):
            tokens_left -= tokens
            if batch and tokens_left < 0:
                break
            batch.append(tokens)
        return batch

    def take(
        self, backlogs: Backlogs, now: float, costs: Sequence[int], debt: float = 0.0
    ) -> tuple[list[Slot], Backlogs]:
        """Return one slot for each request, at a time that both limits allow, and the new backlogs.

        Args:
            backlogs: The slots that are taken already.
            now: Seconds since 1970.
            costs: Tokens of each request. A request larger than a minute's quota gets its slot in turn; the
                requests behind it wait until its time has passed.
            debt: Tokens used beyond what earlier slots were taken for; negative for a credit. A debt delays
                requests by a minute at most, and a credit never leads to a burst.
        """
        requests_at = tokens_at = now
        if self.requests is not None:
            requests_at = backlogs.requests.free_at(now, self.requests, max(1, len(costs)))
        if self.tokens is not None:
            # Other processes may send requests as large as a minute's quota.
            free_at = backlogs.tokens.free_at(now, self.tokens, max(60 * self.tokens, sum(costs)))
            settled = free_at + debt / self.tokens
            tokens_at = max(now, settled) if debt < 0 else max(free_at, min(settled, now + 60))
        slots = []
        for tokens in costs:
            slot = Slot(max(requests_at, tokens_at), tokens)
            slots.append(slot)
            if self.requests is not None:
                requests_at = slot.time + 1 / self.requests
            if self.tokens is not None:
                tokens_at = slot.time + tokens / self.tokens
        return slots, Backlogs(
            backlogs.requests if self.requests is None else Backlog.until(requests_at, now, self.requests),
            backlogs.tokens if self.tokens is None else Backlog.until(tokens_at, now, self.tokens),
        )
