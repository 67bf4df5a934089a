"""Turn outcomes into columns: the target, the typed columns of its object, the error, the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..options import Plan
from ..options.moments import MOMENTS, read_moment
from ..options.output_schema import Column, read_output
from ..records import Outcome

if TYPE_CHECKING:
    import pandas as pd


def column_names(plan: Plan) -> list[str]:
    """Return the names of the columns that a query of this plan returns, in order."""
    names = [plan.target, *(column.name for column in _typed(plan))]
    if plan.execution.on_error == "null":
        names.append(f"{plan.target}_error")
    if plan.output.evidence:
        names.append(f"{plan.target}_evidence")
    return names


def check_free(plan: Plan, frame: pd.DataFrame) -> None:
    """Check that a frame has none of the columns that a query of this plan returns.

    Raises:
        InputError: The frame has one of them.
    """
    taken = [name for name in column_names(plan) if name in frame.columns]
    if taken:
        raise InputError(
            f"the frame has a column {taken[0]!r} already; give the answers another name by target='…', "
            "or drop the column"
        )


def to_frame(plan: Plan, outcomes: Sequence[Outcome], index: pd.Index) -> pd.DataFrame:
    """Return the frame of a query.

    Args:
        plan: The resolved options.
        outcomes: One per row, in order.
        index: The index of the input; returned unchanged, with its duplicates.

    Returns:
        A frame without the input's columns: the target, the columns of `output`, `<target>_error` with
        `on_error = 'null'`, `<target>_evidence` with `evidence = true`. Their dtype is object, and NULL is
        None. In the columns of `output`, numbers are float64, and NULL is NaN; whole numbers and booleans are
        int64 and bool, or Int64 and boolean if there are NULLs.
    """
    import pandas as pd

    typed = _typed(plan)
    columns: dict[str, list[object]] = {plan.target: [outcome.value for outcome in outcomes]}
    series = {}
    if typed:
        objects = [value if isinstance(value := outcome.value, dict) else {} for outcome in outcomes]
        series = {column.name: _series(column, objects, index) for column in typed}
    if plan.execution.on_error == "null":
        columns[f"{plan.target}_error"] = [outcome.reason for outcome in outcomes]
    if plan.output.evidence:
        columns[f"{plan.target}_evidence"] = [_evidence(outcome) for outcome in outcomes]
    series |= {name: pd.Series(values, index=index, dtype="object") for name, values in columns.items()}
    frame: pd.DataFrame = pd.DataFrame({name: series[name] for name in column_names(plan)}, index=index)
    return frame


def _typed(plan: Plan) -> tuple[Column, ...]:
    return () if plan.output.output is None else read_output(plan.output.output).columns


def _series(column: Column, objects: Sequence[Mapping[str, Any]], index: pd.Index) -> pd.Series[Any]:
    """Return one column of the objects; their values fit its type already."""
    import pandas as pd

    values = [answer.get(column.name) for answer in objects]
    known = None not in values
    dtype: Any = "object"
    if column.kind == "integer":
        values = [value if value is None else int(value) for value in values]  # 1.0 is one to JSON Schema
        dtype = "int64" if known else "Int64"
    elif column.kind == "number":
        values = [value if value is None else float(value) for value in values]
        dtype = "float64"
    elif column.kind == "boolean":
        dtype = "bool" if known else "boolean"
    elif column.kind in MOMENTS:
        values = [value if value is None else read_moment(column.kind, value) for value in values]
    series: pd.Series[Any] = pd.Series(values, index=index, dtype=dtype)
    return series


def _evidence(outcome: Outcome) -> dict[str, object]:
    known: dict[str, object] = outcome.evidence.as_dict() if outcome.evidence is not None else {}
    if outcome.reason is not None:
        known["error"] = outcome.reason
    return known
