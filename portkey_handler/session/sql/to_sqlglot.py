"""Translates the parser's tree to sqlglot's, node by node and never through text.

Text that the parser makes of its tree is wrong (`||` becomes OR, quotes fail, the order of NULLs changes).
Pure: functions that are handed to a `Translator` resolve tables and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from ...errors import StatementError
from .duckdb_nodes import qualify_of
from .expressions import Expression, Functions, aliased, literal, table, unique
from .nodes import alias_of, flat, is_star, output_names, paths
from .parser import ast
from .values import Values

_JOINS = {
    "JOIN": "", "INNER JOIN": "inner", "LEFT JOIN": "left", "LEFT OUTER JOIN": "left", "RIGHT JOIN": "right",
    "FULL JOIN": "full", "FULL OUTER JOIN": "full", "OUTER JOIN": "full", "CROSS JOIN": "cross",
}  # fmt: skip


def check_ends(query: Any) -> None:
    """Check that no UNION, INTERSECT or EXCEPT of a query ends with ORDER BY or LIMIT.

    The parser gives them to the last part, with or without brackets around that one.

    Raises:
        StatementError: One does.
    """
    waiting = [query]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Union | ast.Intersect | ast.Except):
            _check_end(node)
            waiting += [node.left, node.right]


def _check_end(node: Any) -> None:
    last = node.right
    if isinstance(last, ast.Select) and (last.order_by or last.limit or last.offset):
        raise StatementError(
            f"after {node.operation} nobody can tell which part ORDER BY and LIMIT belong to; put all "
            f"into a subselect: FROM (… {node.operation} …) AS u ORDER BY … LIMIT …"
        )


class Translator(Values):
    """Translates one statement.

    Args:
        tables: Returns the expression in FROM, without alias, for the parser's identifier of a table.
        functions: The functions that a statement may call.
        columns: Returns the expression for an identifier of the outermost query; None: it stays as written.
    """

    def __init__(
        self,
        tables: Callable[[Any], Expression],
        functions: Functions,
        columns: Callable[[Any], Expression] | None = None,
    ) -> None:
        super().__init__(functions, columns)
        self._tables = tables
        self._ctes: list[str] = []

    def query(self, node: Any) -> Expression:
        """Translate a SELECT or a combination of them."""
        if isinstance(node, ast.Select):
            return self._select(node)
        if isinstance(node, ast.Union | ast.Intersect | ast.Except):
            return self._combined(node)
        raise StatementError(f"{type(node).__name__} is not supported as a query")

    def _combined(self, node: Any) -> Expression:
        _check_end(node)
        ctes = _take_ctes(node)
        mark = len(self._ctes)
        translated = [(name, self._cte(name, cte)) for name, cte in ctes]
        kind = {"UNION": exp.Union, "INTERSECT": exp.Intersect, "EXCEPT": exp.Except}[node.operation]
        result = kind(
            this=_enclosed(self.query(node.left)),
            expression=_enclosed(self.query(node.right)),
            distinct=bool(node.unique),
        )
        for name, expression in translated:
            result = result.with_(exp.to_identifier(name, quoted=True), as_=expression, copy=False)
        del self._ctes[mark:]
        return result

    def _cte(self, name: str, cte: Any) -> Expression:
        if cte.columns:
            raise StatementError(f"WITH {name}(…): name the columns inside the query instead")
        expression = self.query(cte.query)
        self._ctes.append(name.lower())
        return expression

    def _select(self, node: Any) -> Expression:
        if node.mode:
            raise StatementError(f"SELECT … {node.mode} is not supported")
        mark = len(self._ctes)
        ctes = [(name, self._cte(name, cte)) for name, cte in _take_ctes(node)]
        scope: dict[tuple[str, ...], str] = {}
        self._scopes.append(scope)
        select = exp.Select()
        if node.from_table is not None:
            select = self._from(select, node.from_table, scope)
        select.set("expressions", self._targets(node.targets))
        select = self.clauses(select, node)
        self._scopes.pop()
        for name, expression in ctes:
            select = select.with_(exp.to_identifier(name, quoted=True), as_=expression, copy=False)
        del self._ctes[mark:]
        return select

    def clauses(self, select: Expression, node: Any) -> Expression:
        """Add all clauses of a SELECT except its targets, its tables and its WITH."""
        if node.where is not None:
            select = select.where(self.expression(node.where), copy=False)
        if node.group_by:
            select = select.group_by(*(self._grouping(item) for item in node.group_by), copy=False)
        if node.having is not None:
            select = select.having(self.expression(node.having), copy=False)
        if (qualify := qualify_of(node)) is not None:
            select.set("qualify", exp.Qualify(this=self.expression(qualify)))
        if node.distinct:
            on = [self.expression(item) for item in node.distinct] if isinstance(node.distinct, list) else []
            select = select.distinct(*on, copy=False)
        if node.order_by:
            select = select.order_by(*(self.ordered(item) for item in node.order_by), copy=False)
        if node.limit is not None:
            select = select.limit(literal(node.limit.value), copy=False)
        if node.offset is not None:
            select = select.offset(literal(node.offset.value), copy=False)
        return select

    def _targets(self, targets: Sequence[Any]) -> list[Expression]:
        result, names = [], [name or "" for name in output_names(targets)]
        distinct = [name and found for name, found in zip(names, unique(names), strict=True)]
        for target, name, wanted in zip(targets, names, distinct, strict=True):
            expression = self.expression(target)
            plain = isinstance(target, ast.Identifier) and (target.alias is None or name == target.parts[-1])
            if is_star(target) or not name or (plain and wanted == name):
                result.append(expression)
            else:
                result.append(aliased(expression, wanted))
        return result

    def _grouping(self, item: Any) -> Expression:
        if isinstance(item, ast.Identifier) and item.with_rollup:
            raise StatementError("GROUP BY … WITH ROLLUP is not supported")
        return self.expression(item)

    def _from(self, select: Expression, node: Any, scope: dict[tuple[str, ...], str]) -> Expression:
        for item, join_type, condition in flat(node):
            relation = self._relation(item, scope)
            if join_type is None:
                select = select.from_(relation, copy=False)
            else:
                # The scope grows with each table: ON sees the tables left of it.
                on = None if condition is None else self.expression(condition)
                select = joined(select, relation, join_type, on)
        return select

    def _relation(self, node: Any, scope: dict[tuple[str, ...], str]) -> Expression:
        alias = alias_of(node)
        if alias is not None:
            for path in paths(node):
                scope[path] = alias
        if isinstance(node, ast.Identifier):
            if node.is_outer:
                raise StatementError("joins written with (+) are not supported; write LEFT JOIN")
            if len(node.parts) == 1 and str(node.parts[0]).lower() in self._ctes:
                return table(str(node.parts[0]), alias)
            found = self._tables(node)
        elif isinstance(node, ast.Select | ast.Union | ast.Intersect | ast.Except):
            found = exp.Subquery(this=self.query(node))
        else:
            raise StatementError(
                f"{type(node).__name__} in FROM is not supported; write a table or a subselect"
            )
        return found if alias is None else aliased(found, alias)


def joined(select: Expression, relation: Expression, join_type: str, on: Expression | None) -> Expression:
    """Join `relation` to a SELECT."""
    kind = _JOINS.get(join_type.removeprefix("ASOF ").replace("LEFT ASOF", "LEFT"))
    if kind is None:
        raise StatementError(f"{join_type} is not supported; supported are: {', '.join(_JOINS)}")
    if on is None and kind != "cross":
        # As in MindsDB: a join without ON pairs every row with every row.
        on = exp.Boolean(this=True)
    if "ASOF" in join_type:
        kind = f"asof {kind}".strip()
    return select.join(relation, on=on, join_type=kind, copy=False)


def _take_ctes(node: Any) -> list[tuple[str, Any]]:
    """Return the WITH of a query and remove it; the parser puts the WITH of a UNION into its first SELECT."""
    first = node
    while not isinstance(first, ast.Select):
        first = first.left
    ctes, first.cte = first.cte or [], None
    return [(str(cte.name.parts[-1]), cte) for cte in ctes]


def _enclosed(query: Expression) -> Expression:
    return exp.Subquery(this=query)
