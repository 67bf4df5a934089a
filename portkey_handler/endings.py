"""How a query ended, in words: the summary of a success, the error of a failure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from .errors import QueryError
from .exchange import Outcome, is_cut_off
from .mapper import Mapping, Tally
from .options import Plan

_MOST_REASONS_SHOWN = 5
_MOST_ROWS_SHOWN = 5


def summary(plan: Plan, mapping: Mapping, oldest_kept: float | None, seconds: float) -> str:
    """Say in one line what a query did.

    Args:
        plan: The resolved options.
        mapping: The end of its run.
        oldest_kept: When the oldest of the kept answers was made, in seconds since 1970.
        seconds: How long it took.
    """
    tally = mapping.tally
    finished = Counter(
        outcome.evidence.finish_reason for outcome in mapping.outcomes if outcome.evidence is not None
    )
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    unasked = sum(1 for outcome in mapping.outcomes if outcome.evidence is None and not outcome.failed)
    parts = [f"{tally.total - failed - unasked:,} answered"]
    if tally.kept and oldest_kept is not None:
        parts.append(f"{tally.kept:,} of them kept from {_moment(oldest_kept)} (reuse = 'never' asks again)")
    if unasked:
        parts.append(f"{unasked:,} with nothing to ask")
    if failed:
        parts.append(f"{failed:,} failed")
    cut_off = sum(rows for reason, rows in finished.items() if is_cut_off(reason))
    if cut_off:
        parts.append(f"{cut_off:,} cut off by max_tokens")
    parts += [_requests(tally), f"{seconds:.1f} s"]
    return f"{_who(plan)}: " + ", ".join(parts)


def interrupted(plan: Plan, tally: Tally, fault: str | None) -> str:
    """Say in one line what an interrupted query leaves behind, and how to go on."""
    answered = f"{tally.done - tally.failed:,} of {tally.total:,} rows are done"
    if fault is not None:
        return f"{_who(plan)}: interrupted; {answered}, but nothing was kept, because {fault}"
    return f"{_who(plan)}: interrupted; {answered} and kept; run it again to ask only the rest"


def raise_failures(plan: Plan, mapping: Mapping, fault: str | None) -> None:
    """Raise what a query's rows add up to, or return where they add up to a result.

    Args:
        plan: The resolved options.
        mapping: The end of its run.
        fault: Why no answer was kept, or None.

    Raises:
        QueryError: Rows failed and `on_error` is `raise`, or nothing could succeed any more.
    """
    failed = sum(1 for outcome in mapping.outcomes if outcome.failed)
    answered = sum(1 for outcome in mapping.outcomes if outcome.evidence and not outcome.failed)
    if mapping.stopped is not None:
        kept = f"; {answered:,} answered{_kept(answered, fault)}" if answered else ""
        raise QueryError(
            f"the query was stopped after {_requests(mapping.tally)}, because no other row could succeed: "
            f"{mapping.stopped.message}{kept}",
            answered=answered,
            failed=failed,
            reasons=[(mapping.stopped.message, [])],
        )
    if failed and plan.execution.on_error == "raise":
        reasons = _reasons(mapping.outcomes)
        raise QueryError(
            _failure(reasons, answered, failed, fault), answered=answered, failed=failed, reasons=reasons
        )


def _reasons(outcomes: Sequence[Outcome]) -> list[tuple[str, list[int]]]:
    """Group the failed rows by reason, most frequent first; rows count from 0."""
    rows: dict[str, list[int]] = {}
    for row, outcome in enumerate(outcomes):
        if outcome.failed:
            rows.setdefault(outcome.reason or "", []).append(row)
    return sorted(rows.items(), key=lambda entry: -len(entry[1]))


def _failure(reasons: list[tuple[str, list[int]]], answered: int, failed: int, fault: str | None) -> str:
    first_reason, first_rows = reasons[0]
    if not answered and failed == 1:
        return f"the row failed: {first_reason}"
    again = "" if fault is not None or not answered else f"run again to send only {_those(failed)}, or "
    lines = [
        f"{answered:,} answered{_kept(answered, fault)}, {failed:,} failed "
        f"({_named(first_rows)}: {first_reason}); {again}add on_error = 'null' to get the others with NULL "
        "in its place"
    ]
    lines += [f"  {_named(rows)}: {reason}" for reason, rows in reasons[1:_MOST_REASONS_SHOWN]]
    if len(reasons) > _MOST_REASONS_SHOWN:
        lines.append(f"  and {len(reasons) - _MOST_REASONS_SHOWN:,} further reasons")
    return "\n".join(lines)


def _kept(answered: int, fault: str | None) -> str:
    if not answered:
        return ""
    return " and kept" if fault is None else f" but not kept ({fault})"


def _those(failed: int) -> str:
    return "that one" if failed == 1 else "those"


def _named(rows: list[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_MOST_ROWS_SHOWN])
    more = len(rows) - _MOST_ROWS_SHOWN
    return f"row{'s' if len(rows) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _requests(tally: Tally) -> str:
    return f"{tally.requests:,} request{'s' if tally.requests != 1 else ''}"


def _who(plan: Plan) -> str:
    return plan.model or plan.target


def _moment(seconds: float) -> str:
    """Write a moment as a person would: the time, and the day where it was another."""
    then, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)
