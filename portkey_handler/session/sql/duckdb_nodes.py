"""Nodes of DuckDB's syntax that MindsDB's parser does not have, beside that parser's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .parser import ast


class Native(ast.ASTNode):  # type: ignore[misc]
    """An expression as DuckDB writes it, with holes for names, texts and nested queries.

    Args:
        pieces: The text around the holes; one more than there are holes.
        holes: What stands in them, as nodes.
        calls: The lower-case names of the functions that it calls.
        is_window: Whether a value of it depends on other rows, through OVER.
    """

    def __init__(
        self,
        pieces: Sequence[str],
        holes: Sequence[Any],
        calls: Sequence[str] = (),
        *,
        is_window: bool = False,
    ) -> None:
        super().__init__()
        self.pieces = tuple(pieces)
        self.holes = list(holes)
        self.calls = tuple(calls)
        self.is_window = is_window

    def get_string(self, *_args: Any, **_kwargs: Any) -> str:
        """Return the expression as text, for the parser's own representation of nodes."""
        shown = [str(hole) for hole in self.holes]
        return "".join(piece for pair in zip(self.pieces, [*shown, ""], strict=True) for piece in pair)


class StarBut(ast.Star):  # type: ignore[misc]
    """`*` or `t.*` without some columns: `* EXCLUDE (a, b)`.

    Args:
        without: The lower-case names of those columns.
        owner: The name of the table; None: of all tables.
    """

    def __init__(self, without: Sequence[str], owner: str | None) -> None:
        super().__init__()
        self.without = tuple(without)
        self.owner = owner


class Look(ast.ASTNode):  # type: ignore[misc]
    """DESCRIBE, SUMMARIZE or EXPLAIN of a table or a statement.

    Args:
        kind: "describe", "summarize" or "explain".
        table: The table, or None.
        statement: The statement, or None.
    """

    def __init__(self, kind: str, table: Any = None, statement: Any = None) -> None:
        super().__init__()
        self.kind = kind
        self.table = table
        self.statement = statement


class All(ast.ASTNode):  # type: ignore[misc]
    """ALL in GROUP BY ALL and ORDER BY ALL."""

    def get_string(self, *_args: Any, **_kwargs: Any) -> str:
        """Return the word."""
        return "ALL"


def qualify_of(select: Any) -> Any:
    """Return the QUALIFY of a SELECT, or None."""
    return getattr(select, "qualify", None)


def calls_any(node: Any, names: frozenset[str]) -> bool:
    """Return whether a node, without those below it, calls one of some functions."""
    if isinstance(node, Native):
        return not names.isdisjoint(node.calls)
    return isinstance(node, ast.Function) and node.op in names


def is_over_rows(node: Any) -> bool:
    """Return whether a node, without those below it, is a function with OVER."""
    return isinstance(node, ast.WindowFunction) or (isinstance(node, Native) and node.is_window)
