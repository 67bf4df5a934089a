"""Expressions that are kept as DuckDB's text: what may stand in them, and where their holes are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import StatementError

if TYPE_CHECKING:
    from .duckdb_values import ValueReader

Json = Mapping[str, Any]

#: Nodes that may stand in an expression that is kept as DuckDB's text. Any other one is refused.
_KEPT = frozenset(
    ("FUNCTION", "WINDOW", "CASE", "CAST", "CONJUNCTION", "COMPARISON", "BETWEEN", "OPERATOR", "COLLATE",
     "CONSTANT", "LAMBDA", "TYPE")
)  # fmt: skip


class Kept:
    """An expression that is kept as text, and what is found in it."""

    def __init__(self, reader: ValueReader) -> None:
        self._reader = reader
        self.holes: list[Any] = []
        self.calls: list[str] = []
        self.has_window = False

    def read(self, part: Any, own: frozenset[str]) -> Any:
        """Return a part of DuckDB's tree with holes.

        Args:
            part: The part.
            own: The lower-case names of the lambdas' parameters around it.
        """
        if isinstance(part, list):
            return [self.read(one, own) for one in part]
        if not isinstance(part, dict):
            return part
        if "class" in part:
            return self._node(part, own)
        return {name: self.read(one, own) for name, one in part.items()}

    def _node(self, node: Json, own: frozenset[str]) -> Json:
        kind = node["class"]
        if kind == "COLUMN_REF" and node["column_names"][0].lower() in own:
            return node
        if kind in ("COLUMN_REF", "SUBQUERY") or self._reader.is_free(node):
            self.holes.append(self._reader.expression(node))
            return self._reader.hole(len(self.holes) - 1, node.get("alias", ""))
        if kind not in _KEPT:
            what = str(kind).lower().replace("_", " ")
            raise StatementError(f"an expression with a {what} is not supported")
        if kind in ("FUNCTION", "WINDOW"):
            self._note(node)
        if node.get("type") == "STRUCT_EXTRACT":  # its second part is a name, written as a text
            first, *names = node["children"]
            return {**node, "children": [self.read(first, own), *names]}
        if kind == "LAMBDA" and node["expr"]["class"] != "CONSTANT":
            # The arrow has become an error in DuckDB 2; both versions write the word.
            spelled = {"syntax_type": "LAMBDA_KEYWORD"} if "syntax_type" in node else {}
            return {**node, **spelled, "expr": self.read(node["expr"], own | _parameters(node["lhs"]))}
        return {name: self.read(one, own) for name, one in node.items()}

    def _note(self, node: Json) -> None:
        check_schema(node)
        name = str(node["function_name"]).lower()
        if re.match(r"\w", name):
            self.calls.append("count" if name == "count_star" else name)
        self.has_window = self.has_window or node["class"] == "WINDOW"


def check_schema(node: Json) -> None:
    """Check that a function is called by its name alone.

    Raises:
        StatementError: It is not.
    """
    # DuckDB 1 itself writes main in front of its own functions, such as that of [1, 2].
    path = list((node.get("qualified_name") or {}).get("path") or [node.get("schema"), ""])[:-1]
    if [part for part in (node.get("catalog"), *path) if part not in (None, "", "main")]:
        raise StatementError(f"the function {node['function_name']}: write it without a schema in front")


def _parameters(node: Any) -> frozenset[str]:
    """Return the lower-case names of a lambda's parameters."""
    if isinstance(node, list):
        return frozenset().union(*map(_parameters, node))
    if not isinstance(node, dict):
        return frozenset()
    if node.get("class") == "COLUMN_REF":
        return frozenset({str(node["column_names"][0]).lower()})
    return frozenset().union(*map(_parameters, node.values()))
