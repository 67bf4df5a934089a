"""Which rows of a query its models are asked about: DuckDB says what WHERE keeps, `waves` asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from sqlglot import exp

from ..errors import StatementError
from .model_join import Answers, inputs, seen, together
from .scratch import Scratch
from .sql.expressions import aliased, column
from .sql.plan import ROW, Plan, Question
from .table import Table
from .waves import Waves


class Asking:
    """Asks the models of one query.

    Args:
        question: The query.
        plan: Its plan.
        handlers: The handler of each model.
        scratch: Tables that are registered for the statement.
        run: Runs a query of DuckDB, with the names of its columns in errors.
    """

    def __init__(
        self,
        question: Question,
        plan: Plan,
        handlers: Sequence[Any],
        scratch: Scratch,
        run: Callable[[Any, Mapping[str, str]], Table],
    ) -> None:
        self._question = question
        self._plan = plan
        self._handlers = handlers
        self._scratch = scratch
        self._run = run

    def answers(
        self, data: Table, after: Mapping[int, frozenset[int]], *, is_dry: bool, in_batches: bool
    ) -> tuple[Table, dict[int, pd.DataFrame]]:
        """Ask the models about the rows that the result needs; return these rows and the answers.

        Args:
            data: The rows.
            after: Every model with those that must be asked before it.
            is_dry: Whether nothing is asked.
            in_batches: Whether a model is asked in a batch: there is one for each, and no wave before it.
        """
        question, plan = self._question, self._plan
        wanted, dropping = (None, {}) if in_batches else (plan.wanted, self._dropping())
        waves = Waves(
            question, self._handlers, inputs(question, plan), wanted, plan.deciding, dropping, after
        )
        numbers: list[int] | None = None
        if plan.wanted is not None and plan.sequence:
            source = together(question, plan, data, {})
            numbers = self._rows(source, lambda query: query.order_by(*plan.sequence, column(ROW)))
            data = data.taken(numbers)
        frame = seen(question, data)
        if is_dry:
            return data, waves.estimate(frame)

        def kept(answers: Answers, rows: Sequence[int]) -> list[int] | None:
            condition = plan.needed(frozenset(answers))
            if condition is None:
                return None
            held = together(question, plan, _taken(data, rows), answers)
            try:
                return self._rows(held, lambda query: query.where(condition).order_by(column(ROW)))
            except StatementError as error:
                if error.message.startswith("binder error"):  # whatever the other rows hold
                    raise
                return None  # a value that cannot be compared; it is said when the result is made

        outputs, rows = waves.ask(frame, numbers, kept)
        return _taken(data, rows), outputs

    def _dropping(self) -> dict[int, Any]:
        """Return the conditions that the answers of one model alone decide, by that model."""
        needed = {one: self._plan.needed(frozenset([one])) for one in range(len(self._handlers))}
        return {one: condition for one, condition in needed.items() if condition is not None}

    def _rows(self, source: Table, chosen: Callable[[Any], Any]) -> list[int]:
        """Return the places of rows, as a query chooses and orders them."""
        relation = aliased(self._scratch.add(source), "__portkey_rows")
        query = chosen(exp.select(column(ROW)).from_(relation))
        found: list[int] = self._run(query, self._plan.names).arrow.column(0).to_pylist()
        return found


def _taken(data: Table, rows: Sequence[int]) -> Table:
    return data if len(rows) == data.arrow.num_rows else data.taken(rows)
