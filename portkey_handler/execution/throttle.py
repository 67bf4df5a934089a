"""The adaptive throttle: how far apart requests are sent to a provider that refuses some of them."""

from __future__ import annotations

#: The rate becomes this share of what the provider was seen to answer, again after each burst of refusals …
_SLOWER = 0.95
#: … but falls by no more than this factor at a time, because a provider answers fewer right after a burst …
_SLOWEST = 0.85
#: … and rises by this factor with each second without a refusal.
_EASING = 1.005
#: … of so many, because a power of a day's seconds is no number any more.
_LONGEST_EASING = 600.0
#: Refusals of less than this share of recent requests are taken for chance, not for too many requests …
_FEW = 0.1
#: … where recent means about this many requests …
_RECENT = 100
#: … and do not bring the rate below this share of the answers of the best second.
_FLOOR = 0.8


class AdaptiveThrottle:
    """The rate of requests for a provider that answers a number of them per second and refuses more.

    The number is taken from the second with the most answers. The rate starts a little below it, falls after
    each further burst of refusals, and rises a little with every second without one. A provider that refuses
    a few requests by chance, at any rate, is not slowed down more and more: while refusals are few, the rate
    keeps to most of the answers of the best second.
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
        """Whether the rate is limited."""
        return self._rate is not None

    def answered(self, now: float) -> None:
        """Note an answer at `now`."""
        self._refused_share -= self._refused_share / _RECENT
        self._begin_second(now)
        self._answers += 1

    def refused(self, sent_at: float, now: float) -> None:
        """Note a refusal at `now` of a request that was sent at `sent_at`."""
        self._refused_share += (1 - self._refused_share) / _RECENT
        if sent_at >= self._burst_at:
            self._burst_at = now
            # Judged later: answers to requests that are in flight still count.
            self._to_judge = True

    def wait(self, now: float) -> float:
        """Take the next slot, and return the seconds until its time."""
        # The first rate needs a whole second: a second that has just begun has fewer answers.
        self._begin_second(now)
        if self._to_judge and (self._rate is not None or self._best):
            self._judge(now)
        if self._rate is None:
            return 0.0
        self._rate *= _EASING ** min(now - self._eased_at, _LONGEST_EASING)
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
