"""Columns in words: 'sentiment string, score float, tags list' as fragments of a JSON Schema."""

from __future__ import annotations

import difflib
import re
from typing import Any

#: JSON Schema's name of a type, and the words that mean it.
_TYPES = {
    "string": ("string", "text"),
    "integer": ("integer", "int", "whole number"),
    "number": ("number", "float", "double"),
    "boolean": ("boolean", "bool"),
    "array": ("list", "array"),
    "object": ("object", "dict", "json"),
}
_TYPE_OF = {word: name for name, words in _TYPES.items() for word in words}
_SHOWN = "string, integer, float, boolean, list, list of float, object; each with null behind it if it may be"
_COLUMN = re.compile(r'\s*(?:"([^"]+)"|`([^`]+)`|([^\s"`:]+))\s*:?\s*(.*)', re.DOTALL)
_LONGEST_SHOWN = 40


def columns_in_words(text: str) -> dict[str, dict[str, Any]]:
    """Read a list such as 'sentiment string, score float null'.

    Returns:
        Column to fragment, in order.

    Raises:
        ValueError: It is no such list; says which column is wrong.
    """
    columns: dict[str, dict[str, Any]] = {}
    for part in text.split(","):
        found = _COLUMN.fullmatch(part)
        if found is None:
            raise ValueError("expected columns with their types, such as 'sentiment string, score float'")
        name = found[1] or found[2] or found[3]
        words = found[4].strip()
        if not words:
            shown = cut(name)
            raise ValueError(f"{shown} has no type; write '{shown} string', or another of: {_SHOWN}")
        if name in columns:
            raise ValueError(f"{cut(name)} stands there twice")
        columns[name] = fragment_of(words, name)
    return columns


def fragment_of(words: str, column: str) -> dict[str, Any]:
    """Give the JSON Schema of a type in words.

    Args:
        words: Such as 'float', 'list of integer' or 'text null'.
        column: Whose type it is, for the message.

    Raises:
        ValueError: It is no type.
    """
    plain = " ".join(words.lower().split())
    if plain.endswith((" null", " or null")):
        plain = plain.removesuffix(" null").removesuffix(" or")
        return {"anyOf": [_fragment(plain, column), {"type": "null"}]}
    return _fragment(plain, column)


def _fragment(words: str, column: str) -> dict[str, Any]:
    kind, of, items = words.partition(" of ")
    if of and _TYPE_OF.get(kind) == "array":
        return {"type": "array", "items": _fragment(items.removesuffix("s"), column)}
    if words not in _TYPE_OF:
        close = difflib.get_close_matches(words, _TYPE_OF, n=1)
        hint = f", did you mean {close[0]}?" if close else "."
        raise ValueError(f"{cut(column)}: '{cut(words)}' is no type{hint} Types are {_SHOWN}")
    if _TYPE_OF[words] == "array":
        return {"type": "array", "items": {"type": "string"}}
    return {"type": _TYPE_OF[words]}


def cut(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
