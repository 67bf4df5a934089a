"""When to send: how many requests are in flight, and how long to wait before trying again."""

from __future__ import annotations

import math
import random

#: The flight of a query that names none: it starts here …
FIRST_FLIGHT = 8
#: … and grows to here while nothing refuses it.
LARGEST_FLIGHT = 64
#: The longest wait that a provider may ask for; beyond it the row fails and says so.
LONGEST_WAIT = 60.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0
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
#: Requests are spaced for this part of what a provider was seen to answer; slower so after each burst …
_SLOWER = 0.95
#: … but no more than this at a time, because it answers fewer while it wants to be left alone …
_SLOWEST = 0.85
#: … and faster with each second without one.
_EASING = 1.005
#: Refusals of less than this part of the last hundred requests have little to do with how many are sent …
_FEW = 0.1
_LATELY = 100
#: … so that they do not space requests beyond this part of what was answered in the best second.
_FLOOR = 0.8


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


class AdaptiveThrottle:
    """How far apart requests are sent to a provider that answers so many in a second and refuses more.

    How many those are is what it answered in its busiest second. They are asked for a little slower than
    that, slower still after each further burst of refusals, and a little faster with every second without.
    A provider that refuses a few by chance, however few it is asked, is not slowed down for ever: while
    refusals are few, requests are spaced no further than for most of what the best second answered.
    """

    def __init__(self) -> None:
        self._rate: float | None = None  # requests per second
        self._next_at = 0.0
        self._eased_at = 0.0
        self._burst_at = 0.0
        self._to_judge = False
        self._second = 0
        self._answers = 0
        self._most = 0
        self._best = 0
        self._refused_share = 0.0

    @property
    def in_force(self) -> bool:
        """Whether requests are spaced."""
        return self._rate is not None

    def answered(self, now: float) -> None:
        """Take note of an answer at `now`."""
        self._refused_share -= self._refused_share / _LATELY
        self._begin_second(now)
        self._answers += 1

    def refused(self, sent_at: float, now: float) -> None:
        """Take note of a refusal at `now` of a request that was sent at `sent_at`."""
        self._refused_share += (1 - self._refused_share) / _LATELY
        if sent_at >= self._burst_at:
            self._burst_at = now
            # Not yet: what was sent before and is being answered still counts.
            self._to_judge = True

    def wait(self, now: float) -> float:
        """Take the next slot, and return the seconds until then."""
        # The first time a whole second has to be known: one that has just begun tells less.
        self._begin_second(now)
        if self._to_judge and (self._rate is not None or self._best):
            self._judge(now)
        if self._rate is None:
            return 0.0
        self._rate *= _EASING ** (now - self._eased_at)
        self._eased_at = now
        slot = max(now, self._next_at)
        self._next_at = slot + 1 / self._rate
        return slot - now

    def _begin_second(self, now: float) -> None:
        if int(now) != self._second:
            self._most = max(self._most, self._answers)
            self._best = max(self._best, self._answers)
            self._second = int(now)
            self._answers = 0

    def _judge(self, now: float) -> None:
        self._to_judge = False
        seen = max(self._most, self._answers) * _SLOWER
        if self._rate is not None:
            slower = min(_SLOWER * self._rate, max(_SLOWEST * self._rate, seen))
            if self._refused_share < _FEW:
                slower = max(slower, min(self._rate, _FLOOR * self._best))
            self._rate = slower
        elif seen:
            self._rate = seen
        self._eased_at = now
        self._most = self._answers = 0


def backoff(attempt: int, retry_after: float | None) -> float | None:
    """Tell how long to wait before trying again.

    Args:
        attempt: How many attempts were made, at least 1.
        retry_after: Seconds that the provider asked for, or None.

    Returns:
        Seconds, or None where the provider asks for more than `LONGEST_WAIT`.
    """
    backoff = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** (attempt - 1))
    jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, no secret
    if retry_after is None:
        return jittered
    if retry_after > LONGEST_WAIT:
        return None
    # A little more than asked, and not all at once: the whole flight was told the same moment.
    return retry_after + jittered * 0.1
