"""Requests that begin alike: one is answered first, so that the others find the beginning in a cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ..records import Item

#: So many rows may be set aside, because each holds its whole request.
_MOST = 256


class Beginnings:
    """The beginnings of one query's requests, and the rows that wait for the first answer to theirs.

    Other rows are asked meanwhile. A row whose item has no beginning (`Item.beginning`) never waits.
    """

    def __init__(self) -> None:
        self._asked: set[bytes] = set()
        self._cached: set[bytes] = set()
        self._aside: dict[bytes, list[tuple[int, Item]]] = {}
        self._ready: deque[tuple[int, Item]] = deque()
        self._number = 0

    def __bool__(self) -> bool:
        """Return whether rows are set aside."""
        return self._number > 0

    @property
    def are_many(self) -> bool:
        """Whether no further rows should be looked at before some of those set aside are asked."""
        return self._number >= _MOST

    def set_aside(self, row: int, item: Item) -> bool:
        """Set a row aside and return True, if a request that begins alike is in flight for the first time."""
        beginning = item.beginning
        if beginning is None or beginning in self._cached or beginning not in self._asked:
            return False
        self._aside.setdefault(beginning, []).append((row, item))
        self._number += 1
        return True

    def sent(self, item: Item) -> None:
        """Note that an item is sent."""
        if item.beginning is not None:
            self._asked.add(item.beginning)

    def ended(self, item: Item, *, answered: bool) -> None:
        """Note the end of a request; where it was not answered, another one is sent first."""
        beginning = item.beginning
        if beginning is None or beginning in self._cached:
            return
        if answered:
            self._cached.add(beginning)
        self._asked.discard(beginning)
        self._ready.extend(self._aside.pop(beginning, ()))

    def ready(self) -> Iterator[tuple[int, Item]]:
        """Yield the rows that need not wait any more, each once."""
        while self._ready:
            self._number -= 1
            yield self._ready.popleft()
