"""How long a request waits before its next attempt."""

from __future__ import annotations

import random

#: The longest wait that a provider may ask for; beyond it the row fails and says so.
LONGEST_WAIT = 60.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0
#: Further doublings change nothing, and end in a number that is too large.
_MOST_DOUBLINGS = 16


def backoff(attempt: int, retry_after: float | None, longest: float = _LONGEST_BACKOFF) -> float | None:
    """Return the seconds to wait before the next attempt.

    Args:
        attempt: How many attempts were made, at least 1.
        retry_after: Seconds that the provider asked for, or None.
        longest: The most seconds where the provider asked for none.

    Returns:
        Seconds, or None where the provider asks for more than `LONGEST_WAIT`.
    """
    backoff = min(longest, _FIRST_BACKOFF * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, no secret
    if retry_after is None:
        return jittered
    if retry_after > LONGEST_WAIT:
        return None
    # A little more than asked for, and spread: all requests in flight were told at the same moment.
    return retry_after + jittered * 0.1
