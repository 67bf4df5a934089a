"""The second reader: what MindsDB's parser refuses is read by DuckDB's.

DuckDB's tree becomes the same nodes as the first reader's, so that models, the list of allowed functions and
the resolving of names work in one way. What those nodes cannot say is kept as DuckDB's text, in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import StatementError
from .depth import check_depth
from .duckdb_kept import Json
from .duckdb_nodes import All
from .duckdb_text import DuckDBText, duckdb_text
from .duckdb_values import ValueReader, is_no_condition
from .literals import PARAMETER
from .parser import ast
from .scanner import in_double_quotes

_JOINS = {
    "INNER": "JOIN",
    "LEFT": "LEFT JOIN",
    "RIGHT": "RIGHT JOIN",
    "FULL": "FULL JOIN",
    "OUTER": "FULL JOIN",
}
_SELECT: dict[str, Any] = {
    "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []},
    "from_table": {"type": "EMPTY", "alias": "", "sample": None, "query_location": 0},
    "where_clause": None, "group_expressions": [], "group_sets": [], "having": None, "sample": None,
    "aggregate_handling": "STANDARD_HANDLING", "qualify": None,
}  # fmt: skip


class Refused(Exception):  # noqa: N818 — it says where, and becomes an error of ours
    """DuckDB's parser refuses a statement.

    Args:
        place: Where in the statement.
    """

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


def read_by_duckdb(statement: str, first: Callable[[str], Any]) -> Any:
    """Return the tree of a query that DuckDB's parser takes, or None for what is no query.

    Args:
        statement: The statement.
        first: Parses by the first reader, for USING at the end.

    Raises:
        Refused: DuckDB's parser refuses it.
        StatementError: It is one that the session does not run.
    """
    prepared = duckdb_text(statement)
    if prepared is None:
        return None
    from ..duckdb_syntax import text_of, tree_of

    found = tree_of(prepared.text)
    if found.get("error"):
        raise Refused(_place(found, prepared))
    if len(found["statements"]) != 1:
        raise Refused(0)
    in_quotes = in_double_quotes(statement)
    reader = _Reader(
        lambda targets: text_of({**_SELECT, "select_list": targets}),
        lambda text: text in in_quotes or PARAMETER in text,
    )
    query = reader.query(found["statements"][0]["node"])
    if prepared.using:
        last = query
        while isinstance(last, ast.Union | ast.Intersect | ast.Except):
            last = last.right
        last.using = first(f"SELECT 1 {prepared.using}").using
    check_depth(query, ast.ASTNode)
    return query


def _place(error: Json, prepared: DuckDBText) -> int:
    try:
        return prepared.place(int(error["position"]))
    except (KeyError, ValueError):
        return -1


class _Reader(ValueReader):
    """Reads queries."""

    def query(self, node: Json) -> Any:
        """Return the node of a query.

        Raises:
            StatementError: The session does not run it.
        """
        if node["type"] == "SELECT_NODE":
            found = self._select(node)
        elif node["type"] == "SET_OPERATION_NODE":
            found = self._combined(node)
        else:
            kind = node["type"].removesuffix("_NODE").replace("_", " ")
            raise StatementError(f"{kind} is not supported as a query; write a SELECT")
        ctes = [self._cte(one["key"], one["value"]) for one in (node.get("cte_map") or {}).get("map") or ()]
        if ctes:
            first = found
            while not isinstance(first, ast.Select):
                first = first.left
            first.cte = [*ctes, *(first.cte or ())]
        return found

    def _cte(self, name: str, value: Json) -> Any:
        node = value.get("query_node") or value["query"]["node"]
        columns = [ast.Identifier(parts=[column]) for column in value.get("aliases") or ()]
        return ast.CommonTableExpression(ast.Identifier(parts=[name]), self.query(node), columns)

    def _combined(self, node: Json) -> Any:
        kinds = {"UNION": ast.Union, "INTERSECT": ast.Intersect, "EXCEPT": ast.Except}
        kind = kinds.get(node["setop_type"])
        if kind is None:
            raise StatementError("UNION BY NAME is not supported; name the columns in the same order")
        children = node.get("children") or [node["left"], node["right"]]
        modifiers = list(node.get("modifiers") or ())
        unique = not node.get("setop_all", False)
        found, *others = map(self.query, children)
        for other in others:
            found = kind(left=found, right=other, unique=unique)
        modifiers = [one for one in modifiers if one["type"] != "DISTINCT_MODIFIER"]
        if not modifiers:
            return found
        found.alias, found.parentheses = ast.Identifier(parts=["__portkey_combined"]), True
        whole = ast.Select(targets=[ast.Star()], from_table=found)
        self._modify(whole, modifiers)
        return whole

    def _select(self, node: Json) -> Any:
        if node.get("sample"):
            raise StatementError("SAMPLE is not supported; write ORDER BY random() LIMIT …")
        sets = node.get("group_sets") or []
        groups = [self.expression(one) for one in node["group_expressions"]]
        if len(sets) > 1 or (sets and len(sets[0]) != len(groups)):
            raise StatementError("ROLLUP, CUBE and GROUPING SETS are not supported; write a UNION ALL")
        if node["aggregate_handling"] == "FORCE_AGGREGATES":
            groups = [All()]
        select = ast.Select(
            targets=[self.target(one) for one in node["select_list"]],
            from_table=self._from(node["from_table"]),
            where=self._or_none(node["where_clause"]),
            group_by=groups or None,
            having=self._or_none(node["having"]),
        )
        select.qualify = self._or_none(node.get("qualify"))
        self._modify(select, node["modifiers"])
        return select

    def _or_none(self, node: Json | None) -> Any:
        return None if node is None else self.expression(node)

    def _modify(self, select: Any, modifiers: list[Json]) -> None:
        for one in modifiers:
            if one["type"] == "ORDER_MODIFIER":
                select.order_by = [self._order(term) for term in one["orders"]]
            elif one["type"] == "DISTINCT_MODIFIER":
                on = [self.expression(term) for term in one["distinct_on_targets"]]
                select.distinct = on or True
            elif one["type"] == "LIMIT_MODIFIER" and one.get("limit_type", "ROW_COUNT") == "ROW_COUNT":
                select.limit = self._number("LIMIT", one["limit"])
                select.offset = self._number("OFFSET", one["offset"])
            else:
                raise StatementError("LIMIT with a percentage is not supported; write a number of rows")

    def _number(self, word: str, node: Json | None) -> Any:
        found = self._or_none(node)
        if found is not None and not isinstance(getattr(found, "value", None), int):
            raise StatementError(f"{word} takes a number")
        return found

    def _order(self, term: Json) -> Any:
        node, direction = term["expression"], "DESC" if "DESC" in term["type"] else "default"
        field = All() if node["class"] == "STAR" and node.get("columns") else self.expression(node)
        nulls = "NULLS FIRST" if "FIRST" in term["null_order"] else "default"
        return ast.OrderBy(field, direction, nulls)

    # ---- FROM

    def _from(self, node: Json) -> Any:
        if node["type"] == "EMPTY":
            return None
        return self._relation(node)

    def _relation(self, node: Json) -> Any:
        read: Mapping[str, Callable[[Json], Any]] = {
            "BASE_TABLE": self._table, "JOIN": self._join, "SUBQUERY": self._nested,
        }  # fmt: skip
        if node["type"] not in read:
            kind = node["type"].lower().replace("_", " ")
            raise StatementError(f"{kind} in FROM is not supported; write a table or a subselect")
        if node.get("sample"):
            raise StatementError("TABLESAMPLE is not supported; write ORDER BY random() LIMIT …")
        if node.get("column_name_alias"):
            raise StatementError("FROM … AS t(a, b) is not supported; name the columns in a subselect")
        return read[node["type"]](node)

    def _table(self, node: Json) -> Any:
        parts = [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]
        parts = list((node.get("qualified_name") or {}).get("path") or [part for part in parts if part])
        if node.get("at_clause"):
            raise StatementError("AT (…) after a table is not supported")
        found = ast.Identifier(parts=parts)
        if node["alias"]:
            found.alias = ast.Identifier(parts=[node["alias"]])
        return found

    def _nested(self, node: Json) -> Any:
        found = self.query(node["subquery"]["node"])
        found.parentheses = True
        if node["alias"]:
            found.alias = ast.Identifier(parts=[node["alias"]])
        return found

    def _join(self, node: Json) -> Any:
        kind, reference = node["join_type"], node["ref_type"]
        if node["using_columns"] or reference in ("NATURAL", "POSITIONAL"):
            raise StatementError(
                "JOIN … USING, NATURAL and POSITIONAL JOIN are not supported; write ON a.id = b.id"
            )
        if kind not in _JOINS:
            word = "NOT IN" if kind == "ANTI" else "IN"
            raise StatementError(f"{kind} JOIN is not supported; write WHERE … {word} (SELECT …)")
        word = "CROSS JOIN" if reference == "CROSS" else _JOINS[kind]
        if reference == "ASOF":
            word = f"ASOF {word}"
        condition = None if is_no_condition(node["condition"]) else self._or_none(node["condition"])
        left, right = self._relation(node["left"]), self._relation(node["right"])
        return ast.Join(word, left, right, condition)
