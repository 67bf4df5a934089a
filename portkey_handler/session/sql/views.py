"""Puts the queries of views into the places of their names in a statement.

Pure. A statement with views has the queries of WITH renamed, so that those of the statement hide no table
that a view reads, and those of a view none of the statement.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import StatementError
from .depth import check_depth
from .parser import ast
from .rewrite import QUERIES

#: The most views that a statement may read, each counted as often as it is named.
MOST = 1_000
_BODY = "__portkey_view"


@dataclass(frozen=True)
class ViewQuery:
    """The query of a view.

    Attributes:
        name: The view's name.
        query: Its tree, which is copied.
        columns: The names of its columns as the query gives them, and as the view does; none: as they are.
    """

    name: str
    query: Any
    columns: tuple[tuple[str, str], ...] = ()


#: Returns the view of an identifier in FROM, or None.
Find = Callable[[Any], ViewQuery | None]


@dataclass
class _With:
    """A query of WITH, and where it is read."""

    cte: Any
    readers: list[Any] = field(default_factory=list)


_Scope = Mapping[str, _With]


def expanded(query: Any, find: Find) -> Any:
    """Return a query in which subselects stand for the names of views; the tree is changed.

    Raises:
        StatementError: A view reads itself, or views read each other too often.
    """
    expansion = _Expansion(find)
    expansion.query(query, {})
    if expansion.count:
        expansion.rename()
        check_depth(query, ast.ASTNode)
    return query


class _Expansion:
    """The expansion of one statement."""

    def __init__(self, find: Find) -> None:
        self.count = 0
        self._find = find
        self._open: list[str] = []
        self._withs: list[_With] = []

    def query(self, node: Any, scope: _Scope) -> None:
        """Expand the views in a query, in which the queries of WITH around it are known."""
        first = node
        while not isinstance(first, ast.Select):
            first = first.left
        known = dict(scope)
        for cte in first.cte or ():
            self.query(cte.query, known)
            self._withs.append(_With(cte))
            known[str(cte.name.parts[-1]).lower()] = self._withs[-1]
        self._body(node, known)

    def rename(self) -> None:
        """Give the queries of WITH names of their own."""
        for number, one in enumerate(self._withs):
            name = f"__portkey_with_{number}"
            for reader in one.readers:
                if reader.alias is None:
                    reader.alias = ast.Identifier(parts=[reader.parts[-1]])
                reader.parts, reader.is_quoted = [name], [False]
            one.cte.name = ast.Identifier(parts=[name])

    def _body(self, node: Any, scope: _Scope) -> None:
        if not isinstance(node, ast.Select):
            self._body(node.left, scope)  # its WITH is that of the whole, which has been read
            self.query(node.right, scope)
            return
        if node.from_table is not None:
            node.from_table = self._source(node.from_table, scope)
        for name, part in vars(node).items():
            if name not in ("from_table", "cte", "alias", "using"):
                self._nested(part, scope)

    def _source(self, node: Any, scope: _Scope) -> Any:
        """Return what stands for a table, a subselect or a JOIN in FROM."""
        if isinstance(node, ast.Join):
            node.left = self._source(node.left, scope)
            node.right = self._source(node.right, scope)
            self._nested(node.condition, scope)
        elif isinstance(node, ast.Identifier):
            name = str(node.parts[0]).lower()
            if len(node.parts) == 1 and name in scope:
                scope[name].readers.append(node)
            elif (view := self._find(node)) is not None:
                return self._view(view, node)
        else:
            self._nested(node, scope)
        return node

    def _nested(self, part: Any, scope: _Scope) -> None:
        """Expand the queries in an expression."""
        if isinstance(part, QUERIES):
            self.query(part, scope)
        elif isinstance(part, list | tuple):
            for one in part:
                self._nested(one, scope)
        elif isinstance(part, ast.ASTNode) and not isinstance(part, ast.Identifier):
            for name, one in vars(part).items():
                if name != "alias":
                    self._nested(one, scope)

    def _view(self, view: ViewQuery, node: Any) -> Any:
        chain = [*self._open, view.name]
        if view.name in self._open:
            shown = " → ".join(chain[chain.index(view.name) :])
            raise StatementError(f"the view {view.name} reads itself ({shown}); name a table in its query")
        self.count += 1
        if self.count > MOST:
            raise StatementError(
                f"the statement reads more than {MOST:,} views, each counted as often as it is named; write "
                "the rows of one of them into a table, and read that"
            )
        self._open.append(view.name)
        found = copy.deepcopy(view.query)
        self.query(found, {})
        self._open.pop()
        if view.columns:
            found.alias, found.parentheses = ast.Identifier(parts=[_BODY]), True
            targets = [
                ast.Identifier(parts=[old], alias=ast.Identifier(parts=[new])) for old, new in view.columns
            ]
            found = ast.Select(targets=targets, from_table=found)
        found.parentheses = True
        found.alias = node.alias or ast.Identifier(parts=[str(node.parts[-1])])
        if node.alias is None:
            found.named = tuple(str(part).lower() for part in node.parts)
        return found
