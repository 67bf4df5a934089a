"""The items of one query, each with the trace headers of its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..options import Plan
from ..records import Item, Skipped
from . import OPERATIONS, Operation
from .chat import Chat
from .item_keys import number_copies
from .row_model import model_template, with_models
from .structured_output import TypedChat
from .tracing import Tracing
from .varying import check_varies, warn_of_other_forms

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

    def order_of(self, frame: pd.DataFrame) -> list[int] | None:
        """Return the places of the rows in the order in which they are asked; None for their own.

        Rows that share a long system prompt come after each other, so that it stays in the provider's cache.
        """
        operation = self.operation
        if not self._deduplicate or not isinstance(operation, Chat | TypedChat):
            return None
        if not operation.prompt_cache.groups_rows:
            return None
        groups: dict[object, list[int]] = {}
        for place, beginning in enumerate(operation.prompt_cache.look_at(frame)):
            groups.setdefault(place if beginning is None else beginning, []).append(place)
        return [place for places in groups.values() for place in places]

    def of(
        self,
        frame: pd.DataFrame,
        first: int = 0,
        copies: dict[bytes, int] | None = None,
        order: Sequence[int] | None = None,
    ) -> Iterator[Item | Skipped]:
        """Yield the item of each row, or the reason why there is none.

        Args:
            frame: The rows.
            first: The number of the first row in the query.
            copies: How many equal items came before, by their keys, where equal items are not sent once; it
                is kept up to date.
            order: The order of the rows; see `order_of`.

        Raises:
            InputError: The frame lacks a column; raised before the first item.
            TemplateError: There are several rows, and no template names a column.
        """
        rows: Sequence[int] = range(first, first + len(frame))
        check_varies(self._plan, first + len(frame))
        if not first:
            warn_of_other_forms(self._plan, [str(name) for name in frame.columns])
        if order is not None:
            frame, rows = frame.iloc[[*order]], [first + place for place in order]
        return self._made(frame, rows, {} if copies is None else copies)

    def some(self, frame: pd.DataFrame, rows: Sequence[int]) -> Iterator[Item | Skipped]:
        """Yield the items of some rows of the query, by their numbers."""
        return self._made(frame, rows, {})

    def _made(
        self, frame: pd.DataFrame, rows: Sequence[int], copies: dict[bytes, int]
    ) -> Iterator[Item | Skipped]:
        items = self.operation.items(frame)
        if self._model is not None:
            items = with_models(items, frame, self._model)
        items = self.tracing.trace(items, frame, rows)
        return items if self._deduplicate else number_copies(items, copies)
