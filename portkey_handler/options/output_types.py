"""The type of an answer's column, from its JSON Schema.

A column has a type only if every value that fits the schema has that type. Otherwise it takes any value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from ..errors import closest

Kind = Literal["string", "integer", "number", "boolean", "list", "object", "any", "date", "datetime", "time"]

_OF_TYPE: Mapping[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
#: Formats of texts whose column has a type of its own.
_OF_FORMAT: Mapping[Any, Kind] = {"date": "date", "date-time": "datetime", "time": "time"}
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
        types, text = fragment["type"], _OF_FORMAT.get(fragment.get("format"), "string")
        return {
            None if name == "null" else text if name == "string" else _OF_TYPE.get(name, "any")
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


#: JSON Schemas of the types, and the words for each.
_TYPES: tuple[tuple[Mapping[str, Any], tuple[str, ...]], ...] = (
    ({"type": "string"}, ("string", "text", "str", "varchar", "char", "nvarchar", "character varying")),
    (
        {"type": "integer"},
        (
            "integer",
            "int",
            "whole number",
            "bigint",
            "smallint",
            "tinyint",
            "long",
            "int2",
            "int4",
            "int8",
            "int32",
            "int64",
        ),
    ),
    (
        {"type": "number"},
        (
            "number",
            "float",
            "double",
            "decimal",
            "numeric",
            "real",
            "double precision",
            "float4",
            "float8",
            "float32",
            "float64",
        ),
    ),
    ({"type": "boolean"}, ("boolean", "bool")),
    ({"type": "array", "items": {"type": "string"}}, ("list", "array")),
    ({"type": "object"}, ("object", "dict", "json", "struct", "map")),
    ({"type": "string", "format": "date"}, ("date",)),
    (
        {"type": "string", "format": "date-time"},
        ("datetime", "timestamp", "date-time", "timestamptz", "timestamp with time zone"),
    ),
    ({"type": "string", "format": "time"}, ("time",)),
)
_TYPE_OF = {word: dict(schema) for schema, words in _TYPES for word in words}
_SHOWN = (
    "string, integer, float, boolean, date, datetime, time, enum(a, b), list, list of float, object; each "
    "may have null after it"
)
_COLUMN = re.compile(r'\s*(?:"([^"]+)"|`([^`]+)`|([^\s"`:]+))\s*:?\s*(.*)', re.DOTALL)
#: list of float, list[float], list<float>, list(float), float[].
_LIST = re.compile(
    r"(?:list|array)(?: of (?P<of>.+)|\s*\[(?P<square>.+)\]|\s*<(?P<angle>.+)>|\s*\((?P<round>.+)\))"
    r"|(?P<behind>.+)\[\]"
)
_ENUM = re.compile(r"enum\s*\((?P<values>.*)\)", re.IGNORECASE | re.DOTALL)
_LENGTH = re.compile(r"(?P<word>\w+)\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\)")
_LONGEST_SHOWN = 40
_BEGINNINGS = {word[:3] for word in _TYPE_OF}


def columns_in_words(text: str) -> dict[str, dict[str, Any]]:
    """Read a list such as 'sentiment string, score float null'.

    Returns:
        The JSON Schema of each column by its name, in order.

    Raises:
        ValueError: It is not such a list; the message names the wrong column.
    """
    if is_type(text):
        shown = cut(" ".join(text.split()))
        raise ValueError(f"'{shown}' is a type without a column; write a name before it: 'label {shown}'")
    columns: dict[str, dict[str, Any]] = {}
    for part in _parts(text):
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
        if (
            is_type(name)
            and words.isidentifier()
            and not is_type(words)
            and words.lower()[:3] not in _BEGINNINGS
        ):
            raise ValueError(f"write the name before its type: '{cut(words)} {cut(name)}'")
        columns[name] = fragment_of(words, name)
    return columns


def _parts(text: str) -> list[str]:
    """Split a text at its commas, but for those in brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "([<") - (sign in ")]>")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def is_type(words: Any) -> bool:
    """Return whether a value is a type in words."""
    try:
        return isinstance(words, str) and bool(fragment_of(words, ""))
    except ValueError:
        return False


def fragment_of(words: str, column: str) -> dict[str, Any]:
    """Return the JSON Schema of a type in words.

    Args:
        words: Such as 'float', 'list of integer' or 'text null'.
        column: The column of the type, for the message.

    Raises:
        ValueError: It is not a type.
    """
    plain = " ".join(words.split())
    if plain.lower().endswith((" null", " or null")):
        plain = re.sub(r"(?i)(?: or)? null$", "", plain)
        return {"anyOf": [_fragment(plain, column), {"type": "null"}]}
    return _fragment(plain, column)


def _fragment(words: str, column: str) -> dict[str, Any]:
    if (enum := _ENUM.fullmatch(words)) is not None:
        values = [value.strip().strip("'\"") for value in enum["values"].split(",")]
        if not all(values):
            raise ValueError(f"{cut(column)}: enum has an empty value; write enum(good, bad)")
        return {"type": "string", "enum": values}
    words = words.lower()
    if (found := _LIST.fullmatch(words)) is not None:
        of = next(part for part in found.groups() if part is not None)
        return {"type": "array", "items": _fragment(of if of in _TYPE_OF else of.removesuffix("s"), column)}
    if words in _TYPE_OF:
        return dict(_TYPE_OF[words])
    if (sized := _LENGTH.fullmatch(words)) is not None and sized["word"] in _TYPE_OF:
        raise ValueError(
            f"{cut(column)}: '{cut(words)}' has a length, which a model does not keep; write {sized['word']}"
        )
    close = closest(words, _TYPE_OF)
    hint = f", did you mean {close}?" if close else "."
    raise ValueError(f"{cut(column)}: '{cut(words)}' is no type{hint} Types are {_SHOWN}")


def cut(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
