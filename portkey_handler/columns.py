"""Outcomes to columns: the target, and beside it what explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .exchange import Outcome
from .options import Plan

if TYPE_CHECKING:
    import pandas as pd


def column_names(plan: Plan) -> list[str]:
    """Name the columns that a query of this plan returns, in order."""
    names = [plan.target]
    if plan.execution.on_error == "null":
        names.append(f"{plan.target}_error")
    if plan.output.evidence:
        names.append(f"{plan.target}_evidence")
    return names


def to_frame(plan: Plan, outcomes: Sequence[Outcome], index: pd.Index) -> pd.DataFrame:
    """Make the frame that a query returns.

    Args:
        plan: The resolved options.
        outcomes: One per row, in order.
        index: The input's index; returned as it is, duplicates too.

    Returns:
        A frame of own columns only: the target, `<target>_error` with `on_error = 'null'`,
        `<target>_evidence` with `evidence = true`. All of dtype object, NULL being None.
    """
    import pandas as pd

    columns: dict[str, list[object]] = {plan.target: [outcome.value for outcome in outcomes]}
    if plan.execution.on_error == "null":
        columns[f"{plan.target}_error"] = [outcome.reason for outcome in outcomes]
    if plan.output.evidence:
        columns[f"{plan.target}_evidence"] = [_evidence(outcome) for outcome in outcomes]
    series = {name: pd.Series(values, index=index, dtype="object") for name, values in columns.items()}
    frame: pd.DataFrame = pd.DataFrame(series, index=index)
    return frame


def _evidence(outcome: Outcome) -> dict[str, object]:
    known: dict[str, object] = outcome.evidence.as_dict() if outcome.evidence is not None else {}
    if outcome.reason is not None:
        known["error"] = outcome.reason
    return known
