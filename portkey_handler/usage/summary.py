"""How a query ended, in words: the summary of a success, the error of a failure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import CostReachedError, QueryError
from ..execution.row_results import Counts, MapResult
from ..options import Plan
from ..records import Evidence, Outcome, RowNames, is_cut_off
from .formatting import counted, dollars
from .progress import Progress, said_use
from .query_usage import QueryUsage

_MOST_REASONS_SHOWN = 5
_MOST_ROWS_SHOWN = 5
#: Reasons of failures that are shown while a query runs.
_REASONS_SEEN = 3


def summary(
    plan: Plan, mapping: MapResult, account: QueryUsage, oldest_kept: float | None, seconds: float
) -> str:
    """Return in one line what a query did.

    Args:
        plan: The resolved options.
        mapping: The end of its run.
        account: What it used.
        oldest_kept: When the oldest of the kept answers was made, in seconds since 1970.
        seconds: How long it took.
    """
    counts = mapping.counts
    finished = Counter(
        outcome.evidence.finish_reason for outcome in mapping.outcomes if outcome.evidence is not None
    )
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    unasked = sum(1 for outcome in mapping.outcomes if outcome.evidence is None and not outcome.failed)
    parts = [f"{counts.total - failed - unasked:,} answered"]
    if counts.cached and oldest_kept is not None:
        parts.append(
            f"{counts.cached:,} of them kept from {_moment(oldest_kept)} (reuse = 'never' asks again)"
        )
    if unasked:
        parts.append(f"{unasked:,} with nothing to ask")
    if failed:
        parts.append(f"{failed:,} failed")
    cut_off = sum(rows for reason, rows in finished.items() if is_cut_off(reason))
    if cut_off:
        parts.append(f"{cut_off:,} cut off by max_tokens")
    parts += [_used(counts, account), f"{seconds:.1f} s"]
    return f"{plan.name}: " + ", ".join(parts)


def interrupted(plan: Plan, counts: Counts, account: QueryUsage, fault: str | None, seconds: float) -> str:
    """Return in one line what an interrupted query leaves behind, and how to go on."""
    answered = f"{counts.done - counts.failed:,} of {counts.total:,} rows are done"
    failed = f", {counts.failed:,} failed" if counts.failed else ""
    used = f"{failed}, {_used(counts, account)}, {seconds:.1f} s"
    if fault is not None:
        return f"{plan.name}: interrupted; {answered}{used}, but nothing was kept, because {fault}"
    again = RerunCost.after_interrupt(plan, counts, account)
    rest = "all again" if again.all_of_it else "only the rest"
    return f"{plan.name}: interrupted; {answered} and kept{used}; run it again to ask {rest} ({again})"


def raise_failures(plan: Plan, mapping: MapResult, account: QueryUsage, fault: str | None) -> None:
    """Raise what a query's rows add up to, or return where they add up to a result.

    Args:
        plan: The resolved options.
        mapping: The end of its run.
        account: What it used.
        fault: Why no answer was kept, or None.

    Raises:
        QueryError: Rows failed and `on_error` is `raise`, or nothing could succeed any more.
    """
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    answered = sum(1 for outcome in mapping.outcomes if outcome.evidence and not outcome.failed)
    again = RerunCost.after(plan, mapping, account, fault)

    def query_error(message: str, reasons: Sequence[tuple[str, Sequence[int]]]) -> QueryError:
        return QueryError(
            message,
            answered=answered,
            failed=failed,
            requests_again=again.requests,
            cost_again=again.cost,
            reasons=reasons,
        )

    if mapping.stopped is not None:
        reached = isinstance(mapping.stopped, CostReachedError)
        why = "" if reached else "no other row could succeed: "
        kept = f"; {answered:,} answered{_kept(answered, fault)}" if answered else ""
        remedy = "; raise max_cost to go on" if reached else ""
        raise query_error(
            f"the query was stopped after {_requests(mapping.counts)}, because {why}{mapping.stopped.message}"
            f"{kept}; running again needs {again}{remedy}",
            [(mapping.stopped.message, [])],
        )
    if failed and plan.execution.on_error == "raise":
        reasons = _reasons(mapping.outcomes)
        message = _failure(reasons, account.names, answered, failed, fault, again)
        raise query_error(message, reasons)


@dataclass(frozen=True, slots=True)
class RerunCost:
    """What running a query again will need.

    Attributes:
        requests: How many requests.
        cost: About how many US dollars, or None where that is not known.
        at_most: It may be fewer: whether rows that were not reached have anything to ask, nobody knows.
        all_of_it: What was answered will be asked again.
    """

    requests: int
    cost: float | None
    at_most: bool
    all_of_it: bool

    @classmethod
    def after(cls, plan: Plan, mapping: MapResult, account: QueryUsage, fault: str | None) -> RerunCost:
        """Return what running again will need after this end."""
        all_of_it = fault is not None or plan.execution.reuse == "never"
        items = mapping.items if all_of_it else mapping.left
        at_most = mapping.counts.done < mapping.counts.total
        return cls(_requests_for(plan, items), _cost_of(items, account), at_most, all_of_it)

    @classmethod
    def after_interrupt(cls, plan: Plan, counts: Counts, account: QueryUsage) -> RerunCost:
        """Return what running again will need when the query was interrupted, by its rows."""
        all_of_it = plan.execution.reuse == "never"
        rows = counts.total - (0 if all_of_it else counts.done - counts.failed)
        return cls(_requests_for(plan, rows), _cost_of(rows, account), True, all_of_it)

    def __str__(self) -> str:
        most = "at most " if self.at_most else ""
        about = "" if self.cost is None or not self.requests else f", about {dollars(self.cost)}"
        return f"{most}{counted(self.requests, 'request')}{about}"


def _requests_for(plan: Plan, items: int) -> int:
    batch_size = plan.execution.inputs_per_request if plan.input.mode == "embedding" else 1
    return -(-items // batch_size)


def _cost_of(items: int, account: QueryUsage) -> float | None:
    """Return what so many items cost at the mean of those whose price is known."""
    priced = sum(use.answers - use.unpriced for use in account.models.values())
    return items * account.cost / priced if priced else None


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
        f"{answered:,} answered{_kept(answered, fault)}, {failed:,} failed "
        f"({_named(first_rows, names)}: {first_reason}); {run}add on_error = 'null' to get the others with "
        "NULL in its place"
    ]
    lines += [f"  {_named(rows, names)}: {reason}" for reason, rows in reasons[1:_MOST_REASONS_SHOWN]]
    if len(reasons) > _MOST_REASONS_SHOWN:
        lines.append(f"  and {len(reasons) - _MOST_REASONS_SHOWN:,} further reasons")
    return "\n".join(lines)


def _kept(answered: int, fault: str | None) -> str:
    if not answered:
        return ""
    return " and kept" if fault is None else f" but not kept ({fault})"


def _named(rows: list[int], names: RowNames) -> str:
    shown = ", ".join(str(names.of(row)) for row in rows[:_MOST_ROWS_SHOWN])
    more = len(rows) - _MOST_ROWS_SHOWN
    return f"row{'s' if len(rows) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _used(counts: Counts, account: QueryUsage) -> str:
    used = said_use(account.tokens, account.known_cost, account.unpriced)
    return f"{counted(counts.requests, 'request')}, {used}"


def _requests(counts: Counts) -> str:
    return f"{counts.requests:,} request{'s' if counts.requests != 1 else ''}"


def _moment(seconds: float) -> str:
    """Write a moment as a person would: the time, and the day where it was another."""
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
        reasons=usage.reasons.most_common(_REASONS_SEEN),
        tokens=usage.tokens,
        cost=usage.known_cost,
        unpriced=usage.unpriced,
    )


def for_summary() -> Callable[[Outcome], Outcome]:
    """Return a function that keeps only the evidence that `summary` needs, which saves memory."""
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
