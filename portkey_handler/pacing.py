"""When to send: how many requests are in flight, and how long to wait before trying again."""

from __future__ import annotations

import random

#: The flight of a query that names none: it starts here …
FIRST_FLIGHT = 8
#: … and grows to here while nothing refuses it.
LARGEST_FLIGHT = 64
#: The longest wait that a provider may ask for; beyond it the row fails and says so.
LONGEST_WAIT = 60.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0


class Flight:
    """How many requests may be in flight.

    Grows by one with each success, which doubles it in the time of one answer, and is halved once per burst
    of refusals: refusals of requests that were sent before the last halving say nothing new.

    Args:
        concurrency: The flight asked for; None lets it grow from `FIRST_FLIGHT` to `LARGEST_FLIGHT`.
    """

    def __init__(self, concurrency: int | None) -> None:
        self.limit = concurrency or FIRST_FLIGHT
        self._largest = concurrency or LARGEST_FLIGHT
        self._halved_at = 0.0
        self._cautious = False

    def succeeded(self) -> None:
        """Take note of an answer."""
        if self.limit >= self._largest:
            return
        if not self._cautious or random.random() < 1 / self.limit:  # noqa: S311 - no secret
            self.limit += 1

    def refused(self, sent_at: float, now: float) -> None:
        """Take note of a refusal or timeout of a request that was sent at `sent_at`."""
        if sent_at >= self._halved_at:
            self.limit = max(1, self.limit // 2)
            self._halved_at = now
            self._cautious = True


def wait_before_retry(attempt: int, retry_after: float | None) -> float | None:
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
    return retry_after + jittered * 0.2
