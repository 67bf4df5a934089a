"""Subselects that give a model one constant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import StatementError
from .sql.parser import ast
from .sql.plan import Asked
from .sql.rewrite import QUERIES, rewrite
from .table import Table


def fill_in_constants(
    select: Any, models: Sequence[Asked], run: Callable[[Any], Table], *, alone: bool
) -> None:
    """Replace the query of `WHERE m.question = (SELECT …)` by its one value, the model's input."""

    def constant(node: Any) -> Any:
        if not isinstance(node, ast.BinaryOperation) or node.op != "=":
            return
        for place in (0, 1):
            identifier, query = node.args[1 - place], node.args[place]
            if not isinstance(identifier, ast.Identifier) or not isinstance(query, QUERIES):
                continue
            qualifier = tuple(str(part).lower() for part in identifier.parts[:-1])
            if alone or any(qualifier in model.paths for model in models):
                node.args = list(node.args)
                node.args[place] = ast.Constant(_one_value(run(query), str(identifier.parts[-1])))

    if select.where is not None:
        constant(select.where)
        rewrite(select.where, constant)


def _one_value(rows: Table, name: str) -> Any:
    if rows.arrow.num_columns != 1 or rows.arrow.num_rows != 1:
        raise StatementError(
            f"{name} = (SELECT …) takes one row and one column, got {rows.arrow.num_rows} rows and "
            f"{rows.arrow.num_columns} columns; JOIN the data with the model to ask for many rows"
        )
    return rows.arrow.column(0)[0].as_py()
