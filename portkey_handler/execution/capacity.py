"""Patience with a provider that has no resources free for requests of its cheapest service tier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import GatewayError
from ..foreign_text import logger_of
from .backoff import backoff

logger = logger_of(__name__)

#: The longest wait between two attempts where the provider asks for none.
_LONGEST_BACKOFF = 60.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is done where the provider has no resources free for a request (`CapacityError`).

    Attributes:
        patience: Seconds without any answer for which requests are sent again, as often as it takes; 0 treats
            such a refusal like any other.
        fallback: Makes the body that is sent at once in place of the first one refused, or None.
    """

    patience: float = 0.0
    fallback: Callable[[bytes], bytes] | None = None


NO_PATIENCE = Capacity()


class CapacityPatience:
    """Says how long to wait before a request is sent again, until there was no answer for too long.

    All requests of a query share it: as long as some are answered, the others wait for their turn.

    Args:
        seconds: The patience.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def answered(self) -> None:
        """Note that a request was answered."""
        self._since = None

    def wait_after(self, failure: GatewayError, now: float, times: int) -> float:
        """Return the seconds to wait.

        Args:
            failure: The refusal.
            now: In seconds of the loop's clock.
            times: How often the request was refused for this reason.

        Raises:
            GatewayError: `failure`, which then ends the query, where no request was answered for too long.
        """
        minutes = f"{self._seconds / 60:g} min"
        if self._since is None:
            self._since = now
            logger.info("%s; requests are sent again for up to %s", failure.message, minutes)
        if now - self._since >= self._seconds:
            message = f"{failure.message} (no request was answered in {minutes})"
            raise failure.replace(message=message, ends_the_query=True)
        wait = backoff(times, failure.retry_after, _LONGEST_BACKOFF)
        return _LONGEST_BACKOFF if wait is None else wait
