"""The adaptive concurrency limit: how many requests may be in flight."""

from __future__ import annotations

import math

#: Without the option `concurrency`, the limit starts here …
FIRST_LIMIT = 8
#: … and grows to this, as long as no request is refused.
LARGEST_LIMIT = 64
#: The first growth multiplies the limit by this, so that a short query needs few rounds …
_FIRST_GROWTH = 4
#: … and each later growth by this.
_GROWTH = 2
#: Twice the limit must give at least this many times the answers per second.
_LEAST_GAIN = 1.2
#: A gain of at least this share of the possible gain is not measured a second time.
_CLEAR_GAIN = 0.8
#: Rounds after which a larger limit that gained too little is tried again.
_ROUNDS_UNTIL_RETRY = 20
#: The limit does not grow where answers would then take more than this share of the timeout.
_SHARE_OF_TIMEOUT = 0.8


class AdaptiveConcurrency:
    """The limit of requests in flight: slow start, then additive increase and multiplicative decrease.

    A round is as many answers as the limit. The first round multiplies the limit by 4, and each later round
    by 2, unless answers would then come close to the timeout. When a larger limit does not give more answers
    per second, the limit goes back: a server behind the gateway then serves few requests at a time and queues
    the others. An unclear gain is decided by a second round, because the queue still grows in the first.

    A refusal or timeout halves the limit, once per burst: refusals of requests that were sent before the last
    change carry no new information. After a refusal the limit grows by an eighth per round.

    Args:
        concurrency: The limit that the user set; it starts there and never exceeds it. None lets the limit
            grow from `FIRST_LIMIT` to `LARGEST_LIMIT`.
        timeout: Seconds that one attempt may take.

    Attributes:
        limit: How many requests may be in flight now.
    """

    def __init__(self, concurrency: int | None, timeout: float) -> None:
        self.limit = concurrency or FIRST_LIMIT
        self._largest = concurrency or LARGEST_LIMIT
        self._longest = timeout * _SHARE_OF_TIMEOUT
        self._cautious = False
        self._grown = False
        # The limit before, and the mean seconds of its answers.
        self._smaller: tuple[int, float] | None = None
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
        """Note an answer at `now` to a request sent at `sent_at`, both in seconds of the loop's clock."""
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
        """Note a refusal or timeout at `now` of a request that was sent at `sent_at`."""
        if sent_at < self._changed_at:
            return
        self._cautious = True
        self._smaller = None
        self._change(max(1, self.limit // 2), now)

    def _end_round(self, now: float) -> None:
        if not self._judged:  # all answered requests were sent before the last change
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
            if gained < _CLEAR_GAIN * promised and not self._doubted:
                self._doubted = True
                return
            self._smaller = None
            if gained < _LEAST_GAIN ** math.log2(promised):
                self._rest = _ROUNDS_UNTIL_RETRY
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
        """Return the limits that may come next, the first choice first."""
        if self._cautious:
            sizes = [self.limit + max(1, self.limit // 8)]
        elif self._grown:
            sizes = [_GROWTH * self.limit]
        else:
            sizes = [_FIRST_GROWTH * self.limit, _GROWTH * self.limit]
        return [min(size, self._largest) for size in sizes]

    def _change(self, limit: int, now: float) -> None:
        self.limit = limit
        self._changed_at = now
        self._doubted = False
        self._begin()
