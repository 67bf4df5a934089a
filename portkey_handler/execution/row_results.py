"""What is known of the rows of a query: an outcome each, which equal rows share, and the counts."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import CostReachedError, GatewayError
from ..records import Outcome


@dataclass(slots=True)
class Counts:
    """What happened so far, in rows unless said otherwise.

    Attributes:
        total: All rows.
        done: Rows that have an outcome.
        failed: Rows among them that should have an answer and have none.
        cached: Rows served from the answer cache.
        copies: Rows that share the answer of an equal row.
        unasked: Rows with nothing to ask.
        requests: Requests sent, retries included.
        concurrency: How many requests may be in flight now.
    """

    total: int
    done: int = 0
    failed: int = 0
    cached: int = 0
    copies: int = 0
    unasked: int = 0
    requests: int = 0
    concurrency: int = 0


@dataclass(frozen=True, slots=True)
class MapResult:
    """The end of a run.

    Attributes:
        outcomes: One per row, in the rows' order; equal items share one.
        counts: The counts.
        stopped: What stopped the run before its end, or None. Rows that were not sent say so.
        left: How many items failed, or were not sent because the run ended. Which of the latter are equal,
            cached, or have nothing to ask is not known, so this is the most there can be.
        items: How many items there are, likewise.
    """

    outcomes: list[Outcome]
    counts: Counts
    stopped: GatewayError | CostReachedError | None
    left: int = 0
    items: int = 0


class RowResults:
    """The outcomes of the rows of one query.

    Args:
        remember: What of an outcome is kept until the end, which matters for a million rows.
    """

    def __init__(self, remember: Callable[[Outcome], Outcome]) -> None:
        self.counts = Counts(0)
        self._remember = remember
        self._outcomes: list[Outcome | None] = []
        self._first_rows: dict[bytes, int] = {}
        # The row that each row's outcome is taken from; 8 bytes a row, where a dict would take 100.
        self._source = array("q")
        self._shares = array("q")

    def add(self, rows: int) -> int:
        """Make room for further rows, and return the number of the first of them."""
        first = self.counts.total
        self.counts.total += rows
        self._outcomes += [None] * rows
        self._source.extend(range(first, first + rows))
        self._shares.extend(array("q", [1]) * rows)
        return first

    def is_copy(self, row: int, key: bytes) -> bool:
        """Return whether an equal row came before; this row then shares its outcome."""
        first = self._first_rows.setdefault(key, row)
        if first == row:
            return False
        self._source[row] = first
        self.counts.copies += 1
        settled = self._outcomes[first]
        if settled is None:
            self._shares[first] += 1
        else:
            self._count(settled, 1)
        return True

    def settle(self, row: int, outcome: Outcome) -> None:
        """Set the outcome of a row and its copies."""
        self._outcomes[row] = self._remember(outcome)
        self._count(outcome, self._shares[row])

    def _count(self, outcome: Outcome, rows: int) -> None:
        counts = self.counts
        counts.done += rows
        if outcome.failed:
            counts.failed += rows
        elif outcome.evidence is not None and outcome.evidence.kept_from is not None:
            counts.cached += rows

    def finish(self, stopped: GatewayError | CostReachedError | None, reason: str) -> MapResult:
        """Return the end of the run.

        Args:
            stopped: What stopped it, or None.
            reason: Why rows without an outcome have none.
        """
        missing = Outcome.failure(f"not asked: {reason}")
        outcomes = [self._outcomes[source] or missing for source in self._source]
        # A limit that the last answers reach leaves no row out.
        if isinstance(stopped, CostReachedError) and self.counts.done == self.counts.total:
            stopped = None
        return MapResult(outcomes, self.counts, stopped, *self._left())

    def _left(self) -> tuple[int, int]:
        """Count the items that are left to be answered, and all of them."""
        if self.counts.done == self.counts.total and not self.counts.failed:
            return 0, self.counts.total - self.counts.copies - self.counts.unasked
        left = items = 0
        for row, (source, outcome) in enumerate(zip(self._source, self._outcomes, strict=True)):
            if source != row:
                continue
            if outcome is None:
                left += 1
                items += 1
            elif outcome.evidence is not None:
                left += outcome.failed
                items += 1
        return left, items
