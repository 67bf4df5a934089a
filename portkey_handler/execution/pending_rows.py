"""Which rows of a query need a request: not copies, cached answers, or rows with nothing to ask."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ..records import Item, Outcome, Skipped
from .beginnings import Beginnings
from .in_flight_elsewhere import AGAIN, InFlightElsewhere
from .row_results import RowResults

#: Rows looked at without waiting before other tasks get their turn.
_TURN = 1000
#: Rows from elsewhere whose items are made at a time.
_AT_A_TIME = 16
#: Rows from elsewhere that are looked at in one query; most of them may need no request.
_MOST_ELSEWHERE = 1_000

Elsewhere = Callable[[Sequence[int]], Iterable[Item | Skipped]]


class Cache(Protocol):
    """Holds answers from one query to the next."""

    def claim(self, key: bytes) -> bool:
        """Lock an item until its outcome is on disk; return False where another query has sent it.

        An item with a cached answer needs no lock and gives True.
        """
        ...

    def cached(self, key: bytes) -> Outcome | None:
        """Return the cached outcome of an item, or None."""
        ...

    def put(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
        """Take outcomes, which are on disk when `flush` returns."""
        ...

    def flush(self) -> None:
        """Write the taken outcomes; return at once where there are none."""
        ...


class Pending(NamedTuple):
    """A row that needs a request."""

    row: int
    item: Item


class Pause(NamedTuple):
    """Seconds in which other tasks have their turn before the next row."""

    seconds: float


class PendingRows:
    """The rows of one query that need a request; settles the others.

    A row that another query has sent is put aside, and looked at again between the other rows. The rows come
    in order, but for those that `look_elsewhere` asks for.

    Args:
        rows: An item, or why there is none, per row.
        first: The number of the first row.
        results: Takes the outcomes of rows that need no request.
        cache: Holds answers, or None.
        on_outcome: Called with a row and its outcome before it is settled.
        longest_wait: Seconds for which a row is waited for that another query has sent.
        clock: Returns seconds that only go forward.
        beginnings: Sets aside rows that wait for another one whose request begins alike.
        numbers: The numbers of the rows, where they do not come in order.
    """

    def __init__(
        self,
        rows: Iterable[Item | Skipped],
        first: int,
        results: RowResults,
        cache: Cache | None,
        on_outcome: Callable[[int, Outcome], None],
        longest_wait: float,
        clock: Callable[[], float],
        beginnings: Beginnings,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self._rows = rows
        self._first = first
        self._results = results
        self._cache = cache
        self._on_outcome = on_outcome
        self._clock = clock
        self._elsewhere = InFlightElsewhere(longest_wait)
        self._beginnings = beginnings
        self._numbers = itertools.count(first) if numbers is None else numbers
        self._row = first - 1
        self._ahead: set[int] = set()
        self._picks: Iterator[Pending] = iter(())
        self._in_order = 0
        self._doubts: Callable[[], bool] = lambda: False

    def look_elsewhere(self, items: Elsewhere, total: int, in_order: int, doubts: Callable[[], bool]) -> None:
        """While there are doubts, yield rows from all over the table once so many were yielded in order.

        Rows at the top that cannot be answered must not keep the others from being asked.

        Args:
            items: Makes the items of some rows, by their numbers.
            total: How many rows there are.
            in_order: How many rows are yielded in order before.
            doubts: Returns whether some rows have failed and none was answered.
        """
        self._picks = self._spread(items, total)
        self._in_order = in_order
        self._doubts = doubts

    def _spread(self, items: Elsewhere, total: int) -> Iterator[Pending]:
        """Yield rows behind the current one that need a request, each farthest from those before."""
        spread = (self._first + place for place in itertools.islice(_spread_out(total), _MOST_ELSEWHERE))
        places = (row for row in spread if row > self._row and row not in self._ahead)
        while numbers := [*itertools.islice(places, _AT_A_TIME)]:
            for row, item in zip(numbers, items(numbers), strict=True):
                if row > self._row and row not in self._ahead:
                    self._ahead.add(row)
                    if (pending := self._looked_at(row, item)) is not None:
                        yield pending

    def __iter__(self) -> Iterator[Pending | Pause]:
        for row, item in zip(self._numbers, self._rows, strict=False):
            self._row = row
            if row % _TURN == _TURN - 1:
                yield Pause(0)
            if self._elsewhere:
                yield from self._look_again()
            if self._beginnings:
                yield from self._begun()
            if row in self._ahead:
                self._ahead.remove(row)
            elif (pending := self._looked_at(row, item)) is not None:
                yield pending
                self._in_order -= 1
            while self._in_order <= 0 and self._doubts() and (pick := next(self._picks, None)) is not None:
                yield pick
        while self._elsewhere or self._beginnings:
            yield from self._look_again()
            yield from self._begun()
            if self._elsewhere or self._beginnings:
                yield Pause(AGAIN)

    def _looked_at(self, row: int, item: Item | Skipped) -> Pending | None:
        """Return a row that needs a request; settle another."""
        if isinstance(item, Skipped):
            self._results.counts.unasked += not item.failed
            self._settle(row, Outcome(reason=item.reason, failed=item.failed))
        elif not self._results.is_copy(row, item.key) and self._is_to_be_sent(row, item):
            return Pending(row, item)
        return None

    def _begun(self) -> Iterator[Pending | Pause]:
        """Yield the rows that were set aside and need not wait any more, until not many are left."""
        while True:
            for row, item in self._beginnings.ready():
                if self._is_to_be_sent(row, item):
                    yield Pending(row, item)
            if not self._beginnings.are_many:
                return
            yield Pause(AGAIN)

    def _is_to_be_sent(self, row: int, item: Item) -> bool:
        """Return whether a row is sent now; else it is settled, or set aside."""
        if self._beginnings.set_aside(row, item) or not self._is_pending(row, item):
            return False
        self._beginnings.sent(item)
        return True

    def _look_again(self) -> Iterator[Pending | Pause]:
        """Look again at rows that other queries had sent."""
        for looked, (row, item, since) in enumerate(self._elsewhere.due(self._clock())):
            if looked % _TURN == _TURN - 1:
                yield Pause(0)
            if self._is_pending(row, item, since):
                yield Pending(row, item)

    def _is_pending(self, row: int, item: Item, since: float | None = None) -> bool:
        """Return whether a row needs a request now; settle it by a cached answer, or put it aside."""
        if self._cache is None:
            return True
        if not self._cache.claim(item.key):
            now = self._clock()
            return not self._elsewhere.put(row, item, now if since is None else since, now)
        cached = self._cache.cached(item.key)
        if cached is None:
            return True
        self._settle(row, cached)
        return False

    def _settle(self, row: int, outcome: Outcome) -> None:
        self._on_outcome(row, outcome)
        self._results.settle(row, outcome)


def _spread_out(total: int) -> Iterator[int]:
    """Yield each number below `total` once: the middle, the quarters, the eighths and so on."""
    bits = max(1, (total - 1).bit_length())
    for number in range(1, 2**bits):
        row = int(f"{number:0{bits}b}"[::-1], 2) * total >> bits
        yield row
