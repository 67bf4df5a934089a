"""The type of an answer's column, from its JSON Schema.

A column has a type only if every value that fits the schema has that type. Otherwise it takes any value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import closest

Kind = Literal["string", "integer", "number", "boolean", "list", "object", "any"]

_OF_TYPE: Mapping[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
_OF_VALUE: Mapping[type, Kind] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "object",
}
#: The most references that are followed, because they may lead in a circle.
_MOST_STEPS = 20


def kind_of(fragment: Any, definitions: Mapping[str, Any]) -> Kind:
    """Return the type of a column's values other than NULL.

    Args:
        fragment: The column's JSON Schema.
        definitions: The `$defs` of the whole schema.
    """
    kinds = _kinds(fragment, definitions, _MOST_STEPS) - {None}
    if kinds == {"integer", "number"}:
        return "number"
    return (kinds.pop() if len(kinds) == 1 else None) or "any"


def _kinds(fragment: Any, definitions: Mapping[str, Any], steps: int) -> set[Kind | None]:
    """Return every type that a value may have: None for NULL, "any" where the schema allows all."""
    if not isinstance(fragment, Mapping) or not steps:
        return {"any"}
    if "type" in fragment:
        types = fragment["type"]
        return {
            None if name == "null" else _OF_TYPE.get(name, "any")
            for name in ([types] if isinstance(types, str) else types)
        }
    if "enum" in fragment or "const" in fragment:
        values = fragment.get("enum", [fragment.get("const")])
        return {None if value is None else _OF_VALUE.get(type(value), "any") for value in values}
    for word in ("anyOf", "oneOf"):
        if word in fragment:
            return {kind for one in fragment[word] for kind in _kinds(one, definitions, steps - 1)}
    reference = str(fragment.get("$ref", ""))
    if reference.startswith("#/$defs/"):
        return _kinds(definitions.get(reference.removeprefix("#/$defs/")), definitions, steps - 1)
    return {"any"}


#: JSON Schema's name of a type, and the words for it.
_TYPES = {
    "string": ("string", "text"),
    "integer": ("integer", "int", "whole number"),
    "number": ("number", "float", "double"),
    "boolean": ("boolean", "bool"),
    "array": ("list", "array"),
    "object": ("object", "dict", "json"),
}
_TYPE_OF = {word: name for name, words in _TYPES.items() for word in words}
_SHOWN = "string, integer, float, boolean, list, list of float, object; each may have null after it"
_COLUMN = re.compile(r'\s*(?:"([^"]+)"|`([^`]+)`|([^\s"`:]+))\s*:?\s*(.*)', re.DOTALL)
_LONGEST_SHOWN = 40


def columns_in_words(text: str) -> dict[str, dict[str, Any]]:
    """Read a list such as 'sentiment string, score float null'.

    Returns:
        The JSON Schema of each column by its name, in order.

    Raises:
        ValueError: It is not such a list; the message names the wrong column.
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
            raise ValueError(f"{cut(name)} is given twice")
        columns[name] = fragment_of(words, name)
    return columns


def fragment_of(words: str, column: str) -> dict[str, Any]:
    """Return the JSON Schema of a type in words.

    Args:
        words: Such as 'float', 'list of integer' or 'text null'.
        column: The column of the type, for the message.

    Raises:
        ValueError: It is not a type.
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
        close = closest(words, _TYPE_OF)
        hint = f", did you mean {close}?" if close else "."
        raise ValueError(f"{cut(column)}: '{cut(words)}' is no type{hint} Types are {_SHOWN}")
    if _TYPE_OF[words] == "array":
        return {"type": "array", "items": {"type": "string"}}
    return {"type": _TYPE_OF[words]}


def cut(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
