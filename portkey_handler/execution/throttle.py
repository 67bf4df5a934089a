"""The adaptive throttle: how far apart requests are sent to a provider that refuses some of them."""

from __future__ import annotations

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
