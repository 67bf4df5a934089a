"""The adaptive concurrency limit: how many requests may be in flight."""

from __future__ import annotations

import math

#: The flight of a query that names none: it starts here …
FIRST_FLIGHT = 8
#: … and grows to here while nothing refuses it.
LARGEST_FLIGHT = 64
#: The first growth is this many times: the fewer rounds of waiting, the sooner a short query is done …
_LEAP = 4
#: … and each later one this many.
_STEP = 2
#: A larger flight must be worth it: with twice the flight, at least this many times the answers per second.
_WORTH_IT = 1.2
#: What answers at least so much of what the larger flight promises needs no second look.
_CLEARLY = 0.8
#: Rounds after which a flight that was not worth it is tried again.
_TRY_AGAIN = 20
#: The part of the timeout that an answer may be expected to take; beyond, a larger flight only times out.
_PATIENCE = 0.8


class AdaptiveConcurrency:
    """How many requests may be in flight.

    A round is as many answers as the flight is large. After the first one the flight is four times as large,
    after each further one twice, unless the answers would come too near the timeout; and goes back where it
    was if the larger one did not answer more per second: then somebody behind the gateway serves few at a
    time and queues the rest. Where the first round leaves a doubt a second one decides, because the queue is
    still growing in the first. Refusals and timeouts halve the flight, once per burst: those of requests that
    were sent before the last change say nothing new. After a refusal it grows by an eighth per round.

    Args:
        concurrency: The flight asked for, which is also where it starts; None lets it grow from
            `FIRST_FLIGHT` to `LARGEST_FLIGHT`.
        timeout: Seconds that one attempt may take.
    """

    def __init__(self, concurrency: int | None, timeout: float) -> None:
        self.limit = concurrency or FIRST_FLIGHT
        self._largest = concurrency or LARGEST_FLIGHT
        self._longest = timeout * _PATIENCE
        self._cautious = False
        self._grown = False
        self._smaller: tuple[int, float] | None = None  # the flight before this one, and its answers' seconds
        self._doubted = False
        self._rest = 0
        self._changed_at = 0.0
        self._begin()

    def _begin(self) -> None:
        self._answers = 0
        self._judged = 0
        self._seconds = 0.0
        self._slowest = 0.0

    def answered(self, sent_at: float, now: float) -> None:
        """Take note of an answer at `now` to a request that was sent at `sent_at`, in seconds."""
        new = sent_at >= self._changed_at
        done = self.limit >= self._largest and self._smaller is None
        if done or (self._cautious and not new):
            return
        self._answers += 1
        if new:
            seconds = now - sent_at
            self._slowest = max(self._slowest, seconds)
            if 2 * self._answers > self.limit:
                self._judged += 1
                self._seconds += seconds
        if self._answers >= self.limit:
            self._end_round(now)

    def refused(self, sent_at: float, now: float) -> None:
        """Take note of a refusal or timeout at `now` of a request that was sent at `sent_at`."""
        if sent_at < self._changed_at:
            return
        self._cautious = True
        self._smaller = None
        self._change(max(1, self.limit // 2), now)

    def _end_round(self, now: float) -> None:
        if not self._judged:  # all that was answered was sent before the last change
            self._begin()
            return
        mean = self._seconds / self._judged
        slowest = self._slowest
        self._begin()
        if self._rest:
            self._rest -= 1
            return
        if self._smaller is not None and not self._cautious:
            limit, seconds = self._smaller
            promised = self.limit / limit
            gained = promised * seconds / mean
            if gained < _CLEARLY * promised and not self._doubted:
                self._doubted = True
                return
            self._smaller = None
            if gained < _WORTH_IT ** math.log2(promised):
                self._rest = _TRY_AGAIN
                self._change(limit, now)
                return
        if self.limit >= self._largest:
            return
        for larger in self._larger():
            if slowest * larger / self.limit <= self._longest:
                self._grown = True
                self._smaller = (self.limit, mean)
                self._change(larger, now)
                return

    def _larger(self) -> list[int]:
        """Give the flights that may come next, the first choice first."""
        if self._cautious:
            sizes = [self.limit + max(1, self.limit // 8)]
        elif self._grown:
            sizes = [_STEP * self.limit]
        else:
            sizes = [_LEAP * self.limit, _STEP * self.limit]
        return [min(size, self._largest) for size in sizes]

    def _change(self, limit: int, now: float) -> None:
        self.limit = limit
        self._changed_at = now
        self._doubted = False
        self._begin()
