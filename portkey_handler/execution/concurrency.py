"""The adaptive concurrency limit: how many requests may be in flight."""

from __future__ import annotations

import math

#: Without the option `concurrency`, the limit starts here …
FIRST_LIMIT = 8
#: … and grows to this, as long as that answers more rows per second and no request is refused.
LARGEST_LIMIT = 1024
#: The first growth multiplies the limit by this, so that a short query needs few rounds …
_FIRST_GROWTH = 4
#: … and each later growth by this.
_GROWTH = 2
#: Few providers refuse this many. From here on the limit grows at most once per second, because a provider's
#: limit per second shows no sooner.
LARGE_LIMIT = 64
#: Twice the limit must give at least this many times the answers per second.
_LEAST_GAIN = 1.2
#: A gain of at least this share of the possible gain is not measured a second time.
_CLEAR_GAIN = 0.8
#: Rounds after which a larger limit that gained too little is tried again.
_ROUNDS_UNTIL_RETRY = 20
#: The limit does not grow where answers would then take more than this share of the timeout.
_SHARE_OF_TIMEOUT = 0.8
#: In one round, so many refusals and this share of the limit are taken for chance …
_CHANCE, _CHANCE_SHARE = 4, 0.1
#: … where one that was refused before counts as so many: chance seldom meets the same request twice.
_REFUSED_AGAIN = 3
#: Of the requests in flight that were not refused, this share becomes the limit.
_ACCEPTED = 0.9
#: After refusals, a larger limit is tried after so many rounds; after each further failure, twice as many …
_FIRST_REST = 8
#: … up to so many.
_LONGEST_REST = 64
#: Such a trial fails where more than this share of the limit is refused in a round.
_FAILED_TRIAL = 0.01


class AdaptiveConcurrency:
    """The limit of requests in flight: slow start, and a decrease to what the provider accepts.

    A round is as many answers as the limit. The first round multiplies the limit by 4, and each later round
    by 2, unless answers would then come close to the timeout. When a larger limit does not give more answers
    per second, the limit goes back: a server behind the gateway then serves few requests at a time and queues
    the others. An unclear gain is decided by a second round, because the queue still grows in the first.

    A few refusals in a round are taken for chance. More are a burst: the limit becomes a little less than
    what is in flight and was not refused, but no less than half of what it was. Then it rests. After that, an
    eighth more is tried per round, and taken back where requests are refused.

    Args:
        concurrency: The limit that the user set; it starts there and never exceeds it. None lets the limit
            grow from `FIRST_LIMIT` to `LARGEST_LIMIT`.
        timeout: Seconds that one attempt may take.
        most: What the limit never exceeds for other reasons, or None.
        first_alone: Whether nothing is sent beside the first request until it is answered.

    Attributes:
        limit: How many requests may be in flight now.
    """

    def __init__(
        self,
        concurrency: int | None,
        timeout: float,
        most: int | None = None,
        *,
        first_alone: bool = False,
    ) -> None:
        largest = concurrency or LARGEST_LIMIT
        self._largest = largest if most is None else min(largest, most)
        self._start = min(concurrency or FIRST_LIMIT, self._largest)
        self._alone = first_alone
        self.limit = 1 if first_alone else self._start
        self._longest = timeout * _SHARE_OF_TIMEOUT
        self._grown = False
        # The limit before the last growth, and the mean seconds of its answers while the gain is not judged.
        self._before = self.limit
        self._mean: float | None = None
        self._doubted = False
        self._rest = 0
        # Whether there was a burst; the limit before the last one, and whether it has not grown since.
        self._cautious = False
        self._burst: int | None = None
        self._lowered = False
        self._next_rest = _FIRST_REST
        self._changed_at = 0.0
        self._left: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._answers = 0
        self._refusals = 0
        self._judged = 0
        self._seconds = 0.0
        self._slowest = 0.0

    def answered(self, sent_at: float, now: float, left: int | None = None) -> None:
        """Note an answer at `now` to a request sent at `sent_at`, both in seconds of the loop's clock.

        `left` is how many more requests the provider takes now, see `RoomLeft`: the limit does not grow above
        that.
        """
        self._left = left
        if self._alone:
            self._alone = False
            self._before = self._start
            self._change(self._start, now)
            return
        new = sent_at >= self._changed_at
        done = self.limit >= self._largest and self._mean is None
        if (done and not self._refusals) or (self._cautious and not new):
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

    def refused(self, sent_at: float, now: float, in_flight: int, *, before: bool = False) -> bool:
        """Note a refusal or timeout at `now` of a request that was sent at `sent_at`.

        Args:
            sent_at: In seconds of the loop's clock.
            now: In seconds of the loop's clock.
            in_flight: How many other requests are in flight.
            before: Whether the same request was refused before.

        Returns:
            Whether a burst has begun although the limit was lowered after the burst before: then it is not
            the number of requests in flight that the provider limits.
        """
        if sent_at < self._changed_at:  # of the burst that is known
            if self._burst is not None:
                self._lower(in_flight, self._burst)
            return False
        self._refusals += _REFUSED_AGAIN if before else 1
        if self._refusals <= _CHANCE + self.limit * _CHANCE_SHARE:
            return False
        again = self._lowered
        self._cautious = self._lowered = True
        self._burst = self._before = self.limit
        self._mean = None
        self._take_rest()
        if again:
            self._rest = 0
        self._change(self.limit, now)
        self._lower(in_flight, self._burst)
        return again

    def _lower(self, in_flight: int, before: int) -> None:
        accepted = int(_ACCEPTED * in_flight)
        self.limit = max(1, min(self.limit, max(accepted, before // 2)))

    def _take_rest(self) -> None:
        self._rest = self._next_rest
        self._next_rest = min(2 * self._next_rest, _LONGEST_REST)

    def _end_round(self, now: float) -> None:
        if not self._judged:  # all answered requests were sent before the last change
            self._begin()
            return
        mean = self._seconds / self._judged
        slowest, refusals = self._slowest, self._refusals
        self._begin()
        if self._rest:
            self._rest -= 1
        elif self._cautious:
            if self.limit > self._before and refusals > 1 + _FAILED_TRIAL * self.limit:
                self._take_rest()
                self._change(self._before, now)
            else:
                self._grow([self.limit + max(1, self.limit // 8)], slowest, now)
        elif self._mean is None or self._is_worth_it(self._mean, mean, now):
            factors = (_GROWTH,) if self._grown else (_FIRST_GROWTH, _GROWTH)
            if self._grow([factor * self.limit for factor in factors], slowest, now):
                self._mean = mean

    def _is_worth_it(self, before: float, mean: float, now: float) -> bool:
        """Judge the last growth, and take it back if it was not worth it; False also where it is unclear.

        Args:
            before: The mean seconds of an answer before the growth.
            mean: Those since.
            now: In seconds of the loop's clock.
        """
        promised = self.limit / self._before
        gained = promised * before / mean if mean else promised
        if gained < _CLEAR_GAIN * promised and not self._doubted:
            self._doubted = True
            return False
        self._mean = None
        if gained < _LEAST_GAIN ** math.log2(promised):
            self._rest = _ROUNDS_UNTIL_RETRY
            self._change(self._before, now)
            return False
        return True

    def _grow(self, limits: list[int], slowest: float, now: float) -> bool:
        """Take the first of these limits under which answers would come in time; return whether one does."""
        if self.limit >= self._largest or (self.limit >= LARGE_LIMIT and now < self._changed_at + 1):
            return False
        largest = self._largest if self._left is None else min(self._left, self._largest)
        for limit in limits:
            larger = min(limit, largest)
            if larger > self.limit and slowest * larger / self.limit <= self._longest:
                self._grown = True
                self._lowered = False
                self._before = self.limit
                self._change(larger, now)
                return True
        return False

    def _change(self, limit: int, now: float) -> None:
        self.limit = limit
        self._changed_at = now
        self._doubted = False
        self._begin()
