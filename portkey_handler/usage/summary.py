"""The end of a query as text: the summary of a success, the error of a failure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import CostReachedError, QueryError
from ..execution.row_results import Counts, MapResult
from ..foreign_text import logger_of
from ..options import Plan
from ..records import Evidence, Outcome, RowNames, is_cut_off
from .formatting import counted, dollars
from .progress import Progress, said_use
from .query_usage import QueryUsage

logger = logger_of(__name__)

_MOST_REASONS_SHOWN = 5
_MOST_ROWS_SHOWN = 5
#: Reasons of failures that are shown while a query runs.
_REASONS_IN_PROGRESS = 3


def summary(
    plan: Plan, mapping: MapResult, usage: QueryUsage, oldest_cached: float | None, seconds: float
) -> str:
    """Return the summary of a query in one line.

    Args:
        plan: The resolved options.
        mapping: The result of the mapper.
        usage: What the query used.
        oldest_cached: When the oldest of the cached answers was made, in seconds since 1970.
        seconds: Duration of the query.
    """
    counts = mapping.counts
    finished = Counter(
        outcome.evidence.finish_reason for outcome in mapping.outcomes if outcome.evidence is not None
    )
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    unasked = sum(1 for outcome in mapping.outcomes if outcome.evidence is None and not outcome.failed)
    parts = [f"{counts.total - failed - unasked:,} answered"]
    if counts.cached and oldest_cached is not None:
        parts.append(
            f"{counts.cached:,} of them cached since {_moment(oldest_cached)} (reuse = 'never' asks again)"
        )
    if unasked:
        parts.append(f"{unasked:,} with nothing to ask")
    if failed:
        parts.append(f"{failed:,} failed")
    cut_off = sum(rows for reason, rows in finished.items() if is_cut_off(reason))
    if cut_off:
        parts.append(f"{cut_off:,} cut off by max_tokens")
    parts += [_used(counts, usage), f"{seconds:.1f} s"]
    return f"{plan.name}: " + ", ".join(parts)


def interrupted(plan: Plan, counts: Counts, usage: QueryUsage, fault: str | None, seconds: float) -> str:
    """Return in one line what an interrupted query has done, and how to continue it."""
    answered = f"{counts.done - counts.failed:,} of {counts.total:,} rows are done"
    failed = f", {counts.failed:,} failed" if counts.failed else ""
    used = f"{failed}, {_used(counts, usage)}, {seconds:.1f} s"
    if fault is not None:
        return f"{plan.name}: interrupted; {answered}{used}, but nothing was cached, because {fault}"
    again = RerunCost.after_interrupt(plan, counts, usage)
    rest = "all again" if again.all_of_it else "only the rest"
    return f"{plan.name}: interrupted; {answered} and cached{used}; run it again to ask {rest} ({again})"


def raise_failures(plan: Plan, mapping: MapResult, usage: QueryUsage, fault: str | None) -> None:
    """Raise the error of a query that failed; return if it succeeded.

    Args:
        plan: The resolved options.
        mapping: The result of the mapper.
        usage: What the query used.
        fault: Why no answer was cached, or None.

    Raises:
        QueryError: Rows failed and `on_error` is `raise`, or `max_cost` was reached.
    """
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    answered = sum(1 for outcome in mapping.outcomes if outcome.evidence and not outcome.failed)
    again = RerunCost.after(plan, mapping, usage, fault)

    def query_error(message: str, reasons: Sequence[tuple[str, Sequence[int]]]) -> QueryError:
        return QueryError(
            message,
            answered=answered,
            failed=failed,
            requests_again=again.requests,
            cost_again=again.cost,
            reasons=reasons,
            stopped_by=None if mapping.stopped is None else type(mapping.stopped).__name__,
        )

    if mapping.stopped is not None:
        reached = isinstance(mapping.stopped, CostReachedError)
        why = "" if reached else "no other row could succeed: "
        done = f"; {answered:,} answered{_cached(answered, fault)}" if answered else ""
        remedy = "; raise max_cost to go on" if reached else ""
        said = (
            f"the query was stopped after {_requests(mapping.counts)}, because {why}{mapping.stopped.message}"
            f"{done}; running again needs {again}{remedy}"
        )
        if reached or plan.execution.on_error == "raise":
            raise query_error(said, [(mapping.stopped.message, [])])
        logger.warning("%s: %s; rows without an answer are NULL", plan.name, said)
    if failed and plan.execution.on_error == "raise":
        reasons = _reasons(mapping.outcomes)
        message = _failure(reasons, usage.names, answered, failed, fault, again)
        raise query_error(message, reasons)


@dataclass(frozen=True, slots=True)
class RerunCost:
    """What running a query again will need.

    Attributes:
        requests: Number of requests.
        cost: Estimated US dollars, or None if they are not known.
        at_most: There may be fewer requests, because some of the remaining rows may have nothing to ask.
        all_of_it: Rows that have an answer will be asked again.
    """

    requests: int
    cost: float | None
    at_most: bool
    all_of_it: bool

    @classmethod
    def after(cls, plan: Plan, mapping: MapResult, usage: QueryUsage, fault: str | None) -> RerunCost:
        """Return what running a query again will need, from the result of the mapper."""
        all_of_it = fault is not None or plan.execution.reuse == "never"
        items = mapping.items if all_of_it else mapping.left
        at_most = mapping.counts.done < mapping.counts.total
        return cls(_requests_for(plan, items), _cost_of(items, usage), at_most, all_of_it)

    @classmethod
    def after_interrupt(cls, plan: Plan, counts: Counts, usage: QueryUsage) -> RerunCost:
        """Return what running an interrupted query again will need, from its counts."""
        all_of_it = plan.execution.reuse == "never"
        rows = counts.total - (0 if all_of_it else counts.done - counts.failed)
        return cls(_requests_for(plan, rows), _cost_of(rows, usage), True, all_of_it)

    def __str__(self) -> str:
        most = "at most " if self.at_most else ""
        about = "" if self.cost is None or not self.requests else f", about {dollars(self.cost)}"
        return f"{most}{counted(self.requests, 'request')}{about}"


def _requests_for(plan: Plan, items: int) -> int:
    batch_size = plan.execution.inputs_per_request if plan.input.mode == "embedding" else 1
    return -(-items // batch_size)


def _cost_of(items: int, usage: QueryUsage) -> float | None:
    """Return the cost of a number of items, at the mean of the answers with a known price."""
    priced = sum(use.answers - use.unpriced for use in usage.models.values())
    return items * usage.cost / priced if priced else None


def _reasons(outcomes: Sequence[Outcome]) -> list[tuple[str, list[int]]]:
    """Group the failed rows by reason, most frequent first; rows count from 0."""
    rows: dict[str, list[int]] = {}
    for row, outcome in enumerate(outcomes):
        if outcome.failed:
            rows.setdefault(outcome.reason or "", []).append(row)
    return sorted(rows.items(), key=lambda entry: -len(entry[1]))


def _failure(
    reasons: list[tuple[str, list[int]]],
    names: RowNames,
    answered: int,
    failed: int,
    fault: str | None,
    again: RerunCost,
) -> str:
    first_reason, first_rows = reasons[0]
    if not answered and failed == 1:
        more = f"; running again needs {again}" if again.requests else ""
        return f"the row failed: {first_reason}{more}"
    which = "all of them"
    if answered and not again.all_of_it:
        which = "only that one" if failed == 1 else "only those"
    run = f"run again to send {which} ({again}), or " if again.requests else ""
    lines = [
        f"{answered:,} answered{_cached(answered, fault)}, {failed:,} failed "
        f"({_named(first_rows, names)}: {first_reason}); {run}add on_error = 'null' to get the others, "
        "with NULL for failed rows"
    ]
    lines += [f"  {_named(rows, names)}: {reason}" for reason, rows in reasons[1:_MOST_REASONS_SHOWN]]
    if len(reasons) > _MOST_REASONS_SHOWN:
        lines.append(f"  and {len(reasons) - _MOST_REASONS_SHOWN:,} further reasons")
    return "\n".join(lines)


def _cached(answered: int, fault: str | None) -> str:
    if not answered:
        return ""
    return " and cached" if fault is None else f" but not cached ({fault})"


def _named(rows: list[int], names: RowNames) -> str:
    shown = ", ".join(str(names.of(row)) for row in rows[:_MOST_ROWS_SHOWN])
    more = len(rows) - _MOST_ROWS_SHOWN
    return f"row{'s' if len(rows) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _used(counts: Counts, usage: QueryUsage) -> str:
    used = said_use(usage.tokens, usage.known_cost, usage.unpriced)
    return f"{counted(counts.requests, 'request')}, {used}"


def _requests(counts: Counts) -> str:
    return f"{counts.requests:,} request{'s' if counts.requests != 1 else ''}"


def _moment(seconds: float) -> str:
    """Return a moment as text: the time, and the day if it is not today."""
    then, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def progress_of(name: str, counts: Counts, usage: QueryUsage) -> Progress:
    """Return the progress of a query from its counts and its usage so far."""
    return Progress(
        name,
        counts.done,
        counts.total,
        failed=counts.failed,
        kept=counts.cached,
        requests=counts.requests,
        flight=counts.concurrency,
        reasons=usage.reasons.most_common(_REASONS_IN_PROGRESS),
        tokens=usage.tokens,
        cost=usage.known_cost,
        unpriced=usage.unpriced,
    )


def for_summary() -> Callable[[Outcome], Outcome]:
    """Return a function that reduces the evidence of outcomes to what `summary` needs, to save memory."""
    shared: dict[tuple[str | None, bool], Evidence] = {}

    def reduced(outcome: Outcome) -> Outcome:
        known = outcome.evidence
        if known is None:
            return outcome
        what = (known.finish_reason, known.kept_from is not None)
        evidence = shared.get(what)
        if evidence is None:
            evidence = shared[what] = Evidence(finish_reason=what[0], kept_from=known.kept_from)
        return Outcome(outcome.value, outcome.reason, evidence, outcome.failed)

    return reduced
