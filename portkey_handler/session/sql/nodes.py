"""Reads names in the parser's tree: those of tables, of the tables in FROM, and of SELECT columns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from .parser import ast


def paths(identifier: Any) -> frozenset[tuple[str, ...]]:
    """Return every name of a table that may stand before a column: its alias, or ends of its dotted name.

    A subselect that stands for a view has the name that the statement gives the view.
    """
    if (named := getattr(identifier, "named", None)) is not None:
        return frozenset(tuple(named[start:]) for start in range(len(named)))
    if identifier.alias is not None:
        return frozenset({(str(identifier.alias.parts[-1]).lower(),)})
    parts = tuple(str(part).lower() for part in getattr(identifier, "parts", ()))
    return frozenset(parts[start:] for start in range(len(parts)))


def alias_of(node: Any) -> str | None:
    """Return the name of a table in FROM that may stand before a column; None for a nameless subselect."""
    if node.alias is not None:
        return str(node.alias.parts[-1])
    return str(node.parts[-1]) if isinstance(node, ast.Identifier) else None


def output_names(targets: Sequence[Any]) -> list[str | None]:
    """Return the names that MindsDB gives to the columns of a SELECT; None for an expression without one.

    As there, functions without alias are called `count_0`, `count_1` ….
    """
    taken = {str(target.alias.parts[-1]) for target in targets if target.alias is not None}
    names: list[str | None] = []
    for target in targets:
        name = _plain_name(target)
        if name is None and isinstance(target, ast.Function | ast.TypeCast):
            word = target.op if isinstance(target, ast.Function) else "cast"
            name = next(f"{word}_{number}" for number in itertools.count() if f"{word}_{number}" not in taken)
            taken.add(name)
        names.append(name)
    return names


def _plain_name(node: Any) -> str | None:
    if node.alias is not None:
        return str(node.alias.parts[-1])
    if isinstance(node, ast.Identifier):
        return str(node.parts[-1])
    if isinstance(node, ast.Constant):
        return "NULL" if node.value is None else str(node.value)
    return None


def flat(node: Any) -> list[tuple[Any, str | None, Any]]:
    """Return the tables of a FROM from left to right, each with the kind and the condition of its join."""
    if not isinstance(node, ast.Join):
        return [(node, None, None)]
    return [*flat(node.left), (node.right, " ".join(node.join_type.split()), node.condition)]


def is_star(node: Any) -> bool:
    """Return whether a target of SELECT is `*` or `t.*`."""
    return isinstance(node, ast.Star) or (
        isinstance(node, ast.Identifier) and isinstance(node.parts[-1], ast.Star)
    )
