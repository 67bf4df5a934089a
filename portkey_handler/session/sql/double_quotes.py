"""Texts in double quotes: MySQL and MindsDB read them as texts, other databases as names of columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ...errors import StatementError
from .parser import ast

_MARK = "in_double_quotes"


def mark(tree: Any, texts: Collection[str]) -> None:
    """Mark the constants of a parsed statement that its text has in double quotes, and only there."""
    if not texts:
        return
    for node in _below(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in texts:
            setattr(node, _MARK, True)


def marked(parts: Iterator[Any]) -> list[str]:
    """Return the texts of the marked constants among some nodes."""
    return [node.value for node in parts if getattr(node, _MARK, False)]


def refuse_columns(texts: Collection[str], columns: Collection[str]) -> None:
    """Check that no text in double quotes is the name of a column.

    Raises:
        StatementError: One is; the message says how both are written.
    """
    lowered = {name.lower(): name for name in columns}
    for text in texts:
        if (name := lowered.get(text.lower())) is not None:
            raise StatementError(
                f'"{text}" in double quotes is a text, and also the name of a column: write `{name}` for the '
                f"column, or '{text}' for the text"
            )


def selects(query: Any) -> list[Any]:
    """Return every SELECT of a query that has a marked text somewhere; none where there is no such text."""
    below = list(_below(query))
    return [node for node in below if isinstance(node, ast.Select)] if marked(iter(below)) else []


def named_by_with(query: Any, table: Any) -> Any:
    """Return the query that WITH gives a table's name, or None."""
    for node in _below(query):
        for cte in getattr(node, "cte", None) or ():
            if len(table.parts) == 1 and str(cte.name.parts[-1]).lower() == str(table.parts[0]).lower():
                return cte.query
    return None


def _below(node: Any) -> Iterator[Any]:
    if isinstance(node, list | tuple):
        for item in node:
            yield from _below(item)
    elif isinstance(node, ast.ASTNode):
        yield node
        for name, value in vars(node).items():
            if name != "using":
                yield from _below(value)
