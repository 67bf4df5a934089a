"""Parameters of statements: values for `?` and `$name`, which are never pasted into the text as they are.

Each parameter becomes a text literal that occurs nowhere else. After parsing, the value takes the literal's
place in the tree.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from ...errors import StatementError, did_you_mean
from .parser import ast, outside_quotes

Parameters = Sequence[Any] | Mapping[str, Any]

_NAME = re.compile(r"\$([A-Za-z_]\w*)")


class Binding:
    """A text whose parameters are bound to values.

    Args:
        text: One or more statements.
        parameters: A list for `?`, in order, or a mapping for `$name`; None where the text has none.

    Attributes:
        text: The text with a literal in the place of each parameter.

    Raises:
        StatementError: A parameter has no value or the wrong type, or a value has no parameter.
    """

    def __init__(self, text: str, parameters: Parameters | None) -> None:
        self.text = text
        self._values: dict[str, Any] = {}
        self._mark = f"portkey_parameter_{secrets.token_hex(8)}_"
        if parameters is None:
            return
        if isinstance(parameters, (str, bytes)) or not isinstance(parameters, (Sequence, Mapping)):
            raise StatementError("parameters are a list for ?, or a dict for $name")
        named = isinstance(parameters, Mapping)
        pieces: list[str] = []
        used: set[Any] = set()
        end = 0
        for position, character in outside_quotes(text):
            found = _NAME.match(text, position) if named and character == "$" else None
            if position < end or not (found or (character == "?" and not named)):
                continue
            key: Any = found[1] if found else len(used)
            used.add(key)
            pieces += (text[end:position], self._literal(key, parameters))
            end = position + (len(found[0]) if found else 1)
        self.text = "".join([*pieces, text[end:]])
        if len(used) < len(parameters):
            unused = [f"${key}" for key in parameters if key not in used] if named else []
            what = f"has no {unused[0]}" if unused else f"has {len(used)} ?"
            raise StatementError(f"{len(parameters)} parameters were given, and the statement {what}")

    def _literal(self, key: Any, parameters: Any) -> str:
        try:
            value = parameters[key]
        except (KeyError, IndexError):
            if isinstance(parameters, Mapping):
                hint = did_you_mean(key, [str(name) for name in parameters])
                raise StatementError(f"the parameter ${key} has no value{hint or '; give one'}") from None
            given = len(parameters)
            raise StatementError(f"the statement has more ? than the {given} values given") from None
        if type(value) is int and value >= 0:
            return str(value)  # also where only a number may stand, such as LIMIT
        kind = type(value)
        if hasattr(value, "item") and not isinstance(value, (str, bytes)):
            value = value.item()  # a number of NumPy
            kind = type(value)
        if value is not None and not isinstance(value, (str, int, float, Decimal, date, time)):
            name = f"${key}" if isinstance(key, str) else f"number {key + 1}"
            raise StatementError(
                f"the parameter {name} is of type {kind.__name__}; give a text, a number, True, False, None, "
                "a date or a time"
            )
        mark = f"{self._mark}{len(self._values)}"
        self._values[mark] = value
        return f"'{mark}'"

    def bind(self, node: Any) -> Any:
        """Return a parsed statement with the values in their places.

        Raises:
            StatementError: A parameter stands where no value can.
        """
        return self._bound(node) if self._values else node

    def _bound(self, part: Any) -> Any:
        if isinstance(part, ast.Constant) and part.value in self._values:
            node = _node_of(self._values[part.value])
            node.alias = part.alias
            return node
        if isinstance(part, str):
            if part in self._values:
                return self._values[part]
            if self._mark in part:
                raise StatementError("a parameter stands where no value can; write the value there")
            return part
        if isinstance(part, (list, tuple)):
            return type(part)(self._bound(one) for one in part)
        if isinstance(part, dict):
            return {name: self._bound(one) for name, one in part.items()}
        if isinstance(part, ast.ASTNode):
            for name, one in vars(part).items():
                setattr(part, name, self._bound(one))
        return part


def _node_of(value: Any) -> Any:
    if value is None:
        return ast.NullConstant()
    if isinstance(value, datetime):
        return ast.TypeCast("timestamp", ast.Constant(value.isoformat(" ")))
    if isinstance(value, (date, time)):
        return ast.TypeCast(type(value).__name__, ast.Constant(value.isoformat()))
    if isinstance(value, Decimal):
        digits = value.as_tuple()
        scale = max(0, -int(digits.exponent)) if isinstance(digits.exponent, int) else 0
        return ast.TypeCast("decimal", ast.Constant(str(value)), precision=[38, scale])
    return ast.Constant(value)
