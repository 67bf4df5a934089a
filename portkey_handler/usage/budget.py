"""Enforce `max_rows`, `max_cost` and `max_cost_per_day`: before a query starts, and while it runs."""

from __future__ import annotations

from ..errors import CostReachedError
from ..options import Plan
from ..records import Outcome
from .estimate.estimator import Estimate
from .estimate.wording import basis, model_in_words, price
from .formatting import counted, dollars
from .query_usage import QueryUsage


def too_many_rows(plan: Plan, rows: int, asked: int = 0) -> str | None:
    """Return why a query with this number of rows is refused, or None.

    Args:
        plan: The resolved options.
        rows: How many rows are to be asked in all.
        asked: How many of them were asked before, where they come in parts.
    """
    most = plan.execution.max_rows
    if most is None or rows <= most:
        return None
    if asked:
        return (
            f"{plan.name}: {counted(asked, 'row')} were asked and the answers are cached; the result needs "
            f"up to {rows - asked:,} more, which is above max_rows = {most:,}; raise max_rows, or lower LIMIT"
        )
    return (
        f"{plan.name}: the query has {counted(rows, 'row')}, more than max_rows = {most:,}, "
        "and nothing was sent; raise max_rows, or ask fewer rows by LIMIT or WHERE"
    )


def too_expensive(
    plan: Plan, estimate: Estimate, spent_today: float = 0.0, spent_here: float = 0.0
) -> str | None:
    """Return why a query with this estimate is refused, or None.

    Args:
        plan: The resolved options.
        estimate: The estimate.
        spent_today: US dollars that the engine's other queries of the day have spent.
        spent_here: US dollars that this query has spent, where its rows come in parts.
    """
    execution = plan.execution
    limits = (
        ("max_cost", execution.max_cost, spent_here),
        ("max_cost_per_day", execution.max_cost_per_day, spent_today + spent_here),
    )
    for name, most, spent in limits:
        if most is None or (estimate.cost is not None and spent + estimate.cost <= most):
            continue
        limit = f"{name} = {_plain(most)}"
        if estimate.cost is None:
            return (
                f"{plan.name}: {limit} cannot be held, because the price of {model_in_words(estimate)} is "
                f"not known, and nothing was sent; {_SAY_THE_PRICE}, or leave {name} out, and limit the "
                "query by max_rows or tokens_per_minute"
            )
        if spent_here:
            return (
                f"{plan.name}: the next {counted(estimate.requests, 'request')} would cost "
                f"{price(estimate)}, together with the {dollars(spent)} spent more than {limit}; what was "
                f"answered is cached; raise {name}, or lower LIMIT"
            )
        left = f" together with the {dollars(spent)} of today" if spent else ""
        return (
            f"{plan.name}: the query would cost {price(estimate)},{left} more than {limit}, and nothing "
            f"was sent ({counted(estimate.requests, 'request')}, {basis(estimate)}); raise {name}, ask fewer "
            "rows by LIMIT or WHERE, or lower max_tokens"
        )
    return None


def spent_already(plan: Plan, spent_today: float) -> str | None:
    """Return why a query is refused on a day on which so much was spent, or None."""
    most = plan.execution.max_cost_per_day
    if most is None or spent_today < most:
        return None
    return (
        f"{plan.name}: max_cost_per_day = {_plain(most)} of the engine is reached: about "
        f"{dollars(spent_today)} spent since midnight UTC, and nothing was sent; raise it in CREATE "
        "ML_ENGINE, or wait for the next day"
    )


def reached(plan: Plan, usage: QueryUsage, outcome: Outcome, spent_today: float) -> CostReachedError | None:
    """Return the error that stops a query after this outcome, or None.

    Args:
        plan: The resolved options.
        usage: What the query used, this outcome included.
        outcome: The newest outcome.
        spent_today: US dollars that the engine's other queries of the day have spent.
    """
    most, daily = plan.execution.max_cost, plan.execution.max_cost_per_day
    if most is not None and usage.cost >= most:
        return CostReachedError(f"max_cost = {_plain(most)} is reached: about {dollars(usage.cost)} spent")
    if daily is not None and usage.cost + spent_today >= daily:
        spent = dollars(usage.cost + spent_today)
        return CostReachedError(
            f"max_cost_per_day = {_plain(daily)} is reached: about {spent} spent since midnight UTC, "
            f"{dollars(usage.cost)} of it by this query"
        )
    evidence = outcome.evidence
    if evidence is None or outcome.failed or evidence.kept_from is not None or evidence.cost is not None:
        return None
    what = f"what '{evidence.model}' costs" if evidence.prompt_tokens is not None else "what an answer used"
    limit = f"max_cost = {_plain(most)}" if most is not None else f"max_cost_per_day = {_plain(daily or 0.0)}"
    remedy = f"; {_SAY_THE_PRICE}" if evidence.prompt_tokens is not None else ""
    return CostReachedError(f"{limit} cannot be held any longer: {what} is not known{remedy}")


_SAY_THE_PRICE = 'say price = \'{"input": …, "output": …}\' in dollars a million tokens'


def _plain(number: float) -> str:
    """Write a number without an exponent, as SQL needs it."""
    return f"{number:.12f}".rstrip("0").rstrip(".")
