"""What an engine's queries have spent today, over all processes on this machine, for `max_cost_per_day`."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import datetime, timezone

from ..errors import PortkeyHandlerError
from .run_history import RunHistory

logger = logging.getLogger(__name__)

#: Seconds between two looks at what other queries have spent meanwhile.
_BETWEEN_LOOKS = 1.0


def today() -> str:
    """Return the day in UTC, as 2026-01-31."""
    return datetime.now(timezone.utc).date().isoformat()


class DailyBudget:
    """What the engine's other queries of the day have spent. A query belongs to the day of its start, in UTC.

    Args:
        history: The run history.
        engine: The engine's name.

    Attributes:
        query: The id under which this query spends.
        others: US dollars of the other queries, running ones included, as of the last look.
    """

    def __init__(self, history: RunHistory, engine: str) -> None:
        self._history = history
        self._engine = engine
        self._day = today()
        self._look_at = 0.0
        self._warned = False
        self.query = uuid.uuid4().hex
        self.others = 0.0

    def look(self, cost: float) -> float:
        """Tell other queries what this one has spent, and return what they have.

        Raises:
            PortkeyHandlerError: The run history cannot be used.
        """
        try:
            return self._look(cost)
        except PortkeyHandlerError as error:
            raise PortkeyHandlerError(f"max_cost_per_day needs the run history: {error}") from error

    def _look(self, cost: float) -> float:
        self._look_at = time.monotonic() + _BETWEEN_LOOKS
        self.others = self._history.spend(self._engine, self.query, self._day, cost)
        return self.others

    def look_now_and_then(self, cost: float) -> float:
        """Look at most once a second; a problem with the file is a warning, and the last look stands."""
        if time.monotonic() < self._look_at:
            return self.others
        try:
            return self._look(cost)
        except PortkeyHandlerError as error:
            if not self._warned:
                self._warned = True
                logger.warning("max_cost_per_day does not know what other queries spend: %s", error)
            return self.others
