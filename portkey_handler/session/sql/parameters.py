"""Parameters of statements: values for `?` and `$name`, which never become a part of the text.

Each parameter becomes a text literal that occurs nowhere else. After parsing, the value replaces the literal
in the tree.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from ...errors import StatementError, did_you_mean
from ...prompts.cell_text import is_null
from ...prompts.plain_values import to_plain
from ...secret import Secret
from .literals import PARAMETER
from .parser import ast
from .scanner import outside_quotes

Parameters = Sequence[Any] | Mapping[str, Any]

#: Of DuckDB's widest DECIMAL.
_MOST_DIGITS = 38
_NAME = re.compile(r"\$([A-Za-z_]\w*)")


def names_in(text: str) -> list[str]:
    """Return the names of the parameters `$name` in a text, each once."""
    found = (_NAME.match(text, position) for position, sign in outside_quotes(text) if sign == "$")
    return list(dict.fromkeys(match[1] for match in found if match))


class Binding:
    """A text whose parameters are bound to values.

    Args:
        script: One or more statements.
        given: A list for `?`, in order, or a mapping for `$name`; None where the text has none.

    Attributes:
        text: The text with a literal in the place of each parameter.

    Raises:
        StatementError: A parameter has no value or the wrong type, or a value has no parameter.
    """

    def __init__(self, script: Secret, given: Secret) -> None:
        text: str = script.reveal()
        if not isinstance(text, str):
            raise StatementError(f"a statement is a text, not {type(text).__name__}")
        parameters: Parameters | None = given.reveal()
        self.text = script
        self._values: dict[str, Any] = {}
        self._mark = f"{PARAMETER}{secrets.token_hex(8)}_"
        if parameters is None:
            if missing := names_in(text):
                ways = f'--var {missing[0]}=VALUE on the command line, {{"{missing[0]}": value}} in Python'
                raise StatementError(f"the parameter ${missing[0]} has no value; give one: {ways}")
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
        self.text = Secret("".join([*pieces, text[end:]]))
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
        if not isinstance(value, (date, time)) or is_null(value):
            # NumPy's numbers and the NULLs of pandas become Python's own.
            value = value if isinstance(value, Decimal) and not is_null(value) else to_plain(value)
        if (refusal := _refusal(value)) is not None:
            name = f"${key}" if isinstance(key, str) else f"number {key + 1}"
            raise StatementError(f"the parameter {name} is {refusal}")
        if type(value) is int and value >= 0:
            return str(value)  # also where only a number may stand, such as LIMIT
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
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in self._values:
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


def _refusal(value: Any) -> str | None:
    """Return why a value cannot be a parameter, with the remedy, or None."""
    if value is not None and not isinstance(value, (str, int, float, Decimal, date, time)):
        kinds = "a text, a number, True, False, None, a date or a time"
        return f"of type {type(value).__name__}; give {kinds}"
    if isinstance(value, (int, Decimal)) and not _fits(value):
        return f"a number of more than {_MOST_DIGITS} digits; give it as a text"
    if isinstance(value, time) and value.tzinfo is not None:
        return "a time with a time zone; give it without one, or give a datetime"
    if getattr(value, "nanosecond", 0):
        return "a time with nanoseconds; round it to microseconds"
    return None


def _fits(value: int | Decimal) -> bool:
    """Return whether DuckDB has a type that holds a number exactly."""
    number = Decimal(value)
    return number.is_finite() and max(0, number.adjusted() + 1) + _scale(number) <= _MOST_DIGITS


def _scale(value: Decimal) -> int:
    """Return the digits behind the point."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _node_of(value: Any) -> Any:
    if value is None:
        return ast.NullConstant()
    if isinstance(value, datetime):
        kind = "timestamp" if value.tzinfo is None else "timestamptz"
        return ast.TypeCast(kind, ast.Constant(value.isoformat(" ")))
    if isinstance(value, (date, time)):
        return ast.TypeCast(type(value).__name__, ast.Constant(value.isoformat()))
    if isinstance(value, Decimal):
        return ast.TypeCast("decimal", ast.Constant(f"{value:f}"), precision=[_MOST_DIGITS, _scale(value)])
    if isinstance(value, float) and not math.isfinite(value):
        return ast.TypeCast("double", ast.Constant(str(value)))
    return ast.Constant(value)
