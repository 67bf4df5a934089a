"""The items of one query, each with the trace headers of its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..options import Plan
from ..records import Item, Skipped
from . import OPERATIONS, Operation
from .item_keys import number_copies
from .row_model import model_template, with_models
from .tracing import Tracing
from .varying import check_varies

if TYPE_CHECKING:
    import pandas as pd


class QueryItems:
    """Makes the items of a query from its rows.

    Args:
        plan: The resolved options.
        tracing: The trace of the query.

    Attributes:
        operation: Makes requests from items, and outcomes from responses.
        tracing: The trace of the query.

    Raises:
        TemplateError: A template is wrong.
    """

    def __init__(self, plan: Plan, tracing: Tracing) -> None:
        self._plan = plan
        self.tracing = tracing
        self.operation: Operation = OPERATIONS[plan.input.mode](plan)
        check_varies(plan)
        self._deduplicate = plan.execution.deduplicate
        self._model = model_template(plan.parameters.value)

    @property
    def several_models(self) -> bool:
        """Whether each row has a model of its own."""
        return self._model is not None

    def of(self, frame: pd.DataFrame, rows: Sequence[int] | None = None) -> Iterator[Item | Skipped]:
        """Yield the item of each row, or the reason why there is none.

        Args:
            frame: The rows.
            rows: Their numbers in the query; by default they begin with 0.

        Raises:
            InputError: The frame lacks a column; raised before the first item.
            TemplateError: There are several rows, and no template names a column.
        """
        if rows is None:
            check_varies(self._plan, len(frame))
        items = self.operation.items(frame)
        if self._model is not None:
            items = with_models(items, frame, self._model)
        items = self.tracing.trace(items, frame, rows)
        return items if self._deduplicate else number_copies(items)
