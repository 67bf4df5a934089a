"""Reads expressions from the tree of DuckDB's parser, which is JSON, into nodes of the host's parser."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from ...errors import StatementError
from .duckdb_kept import Json, Kept, check_schema
from .duckdb_nodes import Native, StarBut
from .duckdb_text import NO_CONDITION
from .parser import ast

_COMPARISONS = {
    "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "!=", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
}  # fmt: skip
_OPERATORS = {
    **{sign: sign for sign in ("+", "-", "*", "/", "%", "||", "->>", "&", "|", "<<", ">>")},
    "~~": "like", "!~~": "not like", "~~*": "ilike", "!~~*": "not ilike",
}  # fmt: skip


class ValueReader:
    """Reads expressions.

    Args:
        text_of: Returns a tree of DuckDB's parser as text.
        is_hole: Returns whether a text constant is kept as a node of its own.
    """

    def __init__(self, text_of: Callable[[Any], str], is_hole: Callable[[str], bool]) -> None:
        self._text_of = text_of
        self._is_hole = is_hole
        # A name that no statement can contain by chance or by intent.
        self._hole = f"portkeyhole{secrets.token_hex(8)}x"

    def query(self, node: Json) -> Any:
        """Read a nested query."""
        raise NotImplementedError

    def expression(self, node: Json) -> Any:
        """Return the node of an expression.

        Raises:
            StatementError: The session does not run it.
        """
        read = self._kinds.get(str(node["class"]))
        found = None if read is None else read(self, node)
        return self._native(node) if found is None else found

    def target(self, node: Json) -> Any:
        """Return the node of a term of SELECT, with its name."""
        found = self.expression(node)
        if node.get("alias"):
            found.alias = ast.Identifier(parts=[node["alias"]], is_quoted=[True])
        elif isinstance(found, Native):
            found.alias = ast.Identifier(parts=[self._expression_text(node)], is_quoted=[True])
        return found

    # ---- nodes that the host's parser has

    def _column(self, node: Json) -> Any:
        names = list(node["column_names"])
        # Names keep their case; nothing says whether they were quoted.
        return ast.Identifier(parts=names)

    def _star(self, node: Json) -> Any:
        changes = ("replace_list", "rename_list", "expr", "columns")
        if any(node.get(name) for name in changes):
            raise StatementError("* REPLACE, * RENAME and COLUMNS(…) are not supported; name the columns")
        owner = node.get("relation_name") or None
        without = [_excluded(one) for one in node.get("exclude_list") or ()]
        if node.get("qualified_exclude_list"):
            raise StatementError("EXCLUDE takes names without a table in front")
        if without:
            return StarBut(without, owner)
        return ast.Star() if owner is None else ast.Identifier(parts=[owner, ast.Star()])

    def _constant(self, node: Json) -> Any:
        if "literal" in node:  # since DuckDB 2
            kind, value = node["literal"]["kind"], node["literal"].get("text")
        else:
            kind = node["value"]["type"]["id"]
            value = None if node["value"]["is_null"] else node["value"].get("value")
        if kind in ("NULL", "NULL_LITERAL", "SQLNULL") or value is None:
            return ast.NullConstant()
        if kind in ("VARCHAR", "STRING"):
            return ast.Constant(str(value))
        if kind in ("INTEGER", "BIGINT", "HUGEINT") and re.fullmatch(r"\d+", str(value)):
            return ast.Constant(int(value))
        if kind == "BOOLEAN":
            return ast.Constant(str(value).lower() == "true")
        if "literal" in node and str(value) == _shortest(value):
            return ast.Constant(float(value))
        return None

    def _comparison(self, node: Json) -> Any:
        op = _COMPARISONS.get(node["type"])
        return None if op is None else self._two(op, node["left"], node["right"])

    def _conjunction(self, node: Json) -> Any:
        op = "and" if node["type"] == "CONJUNCTION_AND" else "or"
        return reduce(lambda left, right: _operation(op, left, right), map(self.expression, node["children"]))

    def _between(self, node: Json) -> Any:
        if node["type"] != "COMPARE_BETWEEN":
            return None
        args = [self.expression(node[side]) for side in ("input", "lower", "upper")]
        return _enclosed(ast.BetweenOperation(args=args))

    def _operator(self, node: Json) -> Any:
        kind, children = node["type"], node["children"]
        if kind == "OPERATOR_NOT":
            return _enclosed(ast.UnaryOperation(op="not", args=[self.expression(children[0])]))
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
            op = "is" if kind == "OPERATOR_IS_NULL" else "is not"
            return _operation(op, self.expression(children[0]), ast.NullConstant())
        if kind in ("COMPARE_IN", "COMPARE_NOT_IN"):
            first, *others = map(self.expression, children)
            return _operation("in" if kind == "COMPARE_IN" else "not in", first, ast.Tuple(others))
        if kind == "OPERATOR_COALESCE":
            return ast.Function("coalesce", [self.expression(child) for child in children])
        return None

    def _function(self, node: Json) -> Any:
        name, (named, children) = str(node["function_name"]).lower(), _arguments(node)
        check_schema(node)
        has_more = any(
            (node.get("filter"), (node.get("order_bys") or {}).get("orders"), node.get("export_state"))
        )
        if has_more or named:
            return None
        if not re.match(r"\w", name):
            if name == "-" and len(children) == 1:
                return _enclosed(ast.UnaryOperation(op="-", args=[self.expression(children[0])]))
            op = _OPERATORS.get(name)
            return None if op is None or len(children) != 2 else self._two(op, *children)
        if name == "count_star":
            return ast.Function("count", [ast.Star()])
        if any(child["class"] == "LAMBDA" for child in children):
            return None
        args = [self.expression(child) for child in children]
        if name == "position":  # DuckDB takes it in its own form only: position('a' IN text)
            name = "strpos"
        return ast.Function(name, args, distinct=bool(node.get("distinct")))

    def _lambda(self, node: Json) -> Any:
        # `column -> 'path'` is read as a lambda, too. A lambda stands in a function only, which is `_native`.
        if node["expr"]["class"] == "CONSTANT":
            return self._two("->", node["lhs"], node["expr"])
        raise StatementError("a lambda can stand only in a function, such as list_transform(…)")

    def _subquery(self, node: Json) -> Any:
        kind, query = node["subquery_type"], self.query(node["subquery"]["node"])
        if kind == "SCALAR":
            query.parentheses = True
            return query
        if kind == "EXISTS":
            return ast.Exists(query=query)
        if kind == "NOT_EXISTS":
            return ast.NotExists(query=query)
        if kind == "ANY" and node["comparison_type"] == "COMPARE_EQUAL":
            query.parentheses = True
            return _operation("in", self.expression(node["child"]), query)
        raise StatementError("ANY (SELECT …) and ALL (SELECT …) are not supported; write IN, min or max")

    def _two(self, op: str, left: Json, right: Json) -> Any:
        return _operation(op, self.expression(left), self.expression(right))

    _kinds: Mapping[str, Callable[[ValueReader, Json], Any]] = {
        "COLUMN_REF": _column, "STAR": _star, "CONSTANT": _constant, "COMPARISON": _comparison,
        "CONJUNCTION": _conjunction, "BETWEEN": _between, "OPERATOR": _operator, "FUNCTION": _function,
        "LAMBDA": _lambda, "SUBQUERY": _subquery,
    }  # fmt: skip

    # ---- nodes that only DuckDB has

    def _native(self, node: Json) -> Native:
        """Return an expression as DuckDB's text; names, texts and nested queries become holes."""
        kept = Kept(self)
        text = self._expression_text(kept.read(node, frozenset()))
        found = re.split(rf"{self._hole}(\d+)", text)
        holes = [kept.holes[int(number)] for number in found[1::2]]
        return Native(found[::2], holes, kept.calls, is_window=kept.has_window)

    def hole(self, number: int, alias: str) -> Json:
        """Return the name that stands for a hole, as DuckDB's tree has it."""
        return {
            "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": alias, "query_location": 0,
            "query_location_length": 0, "column_names": [f"{self._hole}{number}"],
        }  # fmt: skip

    def is_free(self, node: Json) -> bool:
        """Return whether a constant is a text that is checked or replaced later."""
        if node["class"] != "CONSTANT":
            return False
        found = self._constant(node)
        return isinstance(getattr(found, "value", None), str) and self._is_hole(found.value)

    def _expression_text(self, node: Json) -> str:
        return self._text_of([{**node, "alias": ""}]).removeprefix("SELECT ")


def _arguments(node: Json) -> tuple[bool, list[Json]]:
    """Return whether a function's arguments have names, and the arguments."""
    if "arguments" in node:  # since DuckDB 2
        return any(one["name"] for one in node["arguments"]), [one["expression"] for one in node["arguments"]]
    return any(one.get("alias") for one in node["children"]), list(node["children"])


def _operation(op: str, left: Any, right: Any) -> Any:
    return _enclosed(ast.BinaryOperation(op=op, args=[left, right]))


def _enclosed(node: Any) -> Any:
    # DuckDB has grouped it: it is not to be taken apart again.
    node.parentheses = True
    return node


def is_no_condition(node: Any) -> bool:
    """Return whether a condition stands for a JOIN without ON."""
    return isinstance(node, dict) and node.get("column_names") == [NO_CONDITION]


def _shortest(text: Any) -> str:
    try:
        return repr(float(text))
    except ValueError:
        return ""


def _excluded(name: Any) -> str:
    return str(name["column"] if isinstance(name, dict) else name).lower()
