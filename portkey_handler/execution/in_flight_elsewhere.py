"""Items that other queries have sent, until it is time to look again whether they are answered."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from ..records import Item

#: Seconds after which an item is looked at again, at first …
AGAIN = 0.05
#: … and later this part of the time that it has waited already.
_PART = 0.25


class InFlightElsewhere:
    """The items of one query that other queries have sent; the one to look at next comes first.

    Args:
        longest: Seconds for which an item is waited for. Paying twice is better than waiting for a query that
            hangs.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._waiting: list[tuple[float, int, float, Item]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, row: int, item: Item, since: float, now: float) -> bool:
        """Take an item that another query has sent, or return False where it has waited long enough.

        Args:
            row: Its row.
            item: The item.
            since: When it was first found to be sent.
            now: The time.
        """
        until = since + self._longest
        if now >= until:
            return False
        again = now + max(AGAIN, _PART * (now - since))
        heapq.heappush(self._waiting, (min(again, until), row, since, item))
        return True

    def due(self, now: float) -> Iterator[tuple[int, Item, float]]:
        """Take out the items whose time has come: row, item, and since when it has waited."""
        while self._waiting and self._waiting[0][0] <= now:
            _, row, since, item = heapq.heappop(self._waiting)
            yield row, item, since
