"""Enforce `max_rows` and `max_cost`: before a query starts, and while it runs."""

from __future__ import annotations

from ..errors import CostReachedError
from ..options import Plan
from ..records import Outcome
from .estimate.estimator import Estimate
from .estimate.wording import basis, model_in_words, price
from .formatting import counted, dollars
from .query_usage import QueryUsage


def too_many_rows(plan: Plan, rows: int) -> str | None:
    """Return why a query with this number of rows is refused, or None."""
    most = plan.execution.max_rows
    if most is None or rows <= most:
        return None
    return (
        f"{plan.name}: the query has {counted(rows, 'row')}, more than max_rows = {most:,}, "
        "and nothing was sent; raise max_rows, or ask fewer rows by LIMIT or WHERE"
    )


def too_expensive(plan: Plan, estimate: Estimate) -> str | None:
    """Return why a query with this estimate is refused, or None."""
    most = plan.execution.max_cost
    if most is None or (estimate.cost is not None and estimate.cost <= most):
        return None
    limit = f"max_cost = {_plain(most)}"
    if estimate.cost is None:
        return (
            f"{plan.name}: {limit} cannot be held, because the price of {model_in_words(estimate)} is not "
            "known, and nothing was sent; leave max_cost out, or limit the query by max_rows or "
            "tokens_per_minute"
        )
    return (
        f"{plan.name}: the query would cost {price(estimate)}, more than {limit}, and nothing was sent "
        f"({counted(estimate.requests, 'request')}, {basis(estimate)}); raise max_cost, ask fewer rows by "
        "LIMIT or WHERE, or lower max_tokens"
    )


def reached(most: float, usage: QueryUsage, outcome: Outcome) -> CostReachedError | None:
    """Return the error that stops a query after this outcome, or None.

    Args:
        most: The option `max_cost`.
        usage: What the query used, this outcome included.
        outcome: The newest outcome.
    """
    if usage.cost >= most:
        return CostReachedError(f"max_cost = {_plain(most)} is reached: about {dollars(usage.cost)} spent")
    evidence = outcome.evidence
    if evidence is None or outcome.failed or evidence.kept_from is not None or evidence.cost is not None:
        return None
    what = f"what '{evidence.model}' costs" if evidence.prompt_tokens is not None else "what an answer used"
    return CostReachedError(f"max_cost = {_plain(most)} cannot be held any longer: {what} is not known")


def _plain(number: float) -> str:
    """Write a number without an exponent, as SQL needs it."""
    return f"{number:.12f}".rstrip("0").rstrip(".")
