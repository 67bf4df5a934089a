"""What a column of an answer holds, as far as its JSON Schema promises it.

A kind is only told where every value that fits the schema is of it; otherwise the column takes what comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

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
#: How many references are followed, which may lead in a circle.
_MOST_STEPS = 20


def kind_of(fragment: Any, definitions: Mapping[str, Any]) -> Kind:
    """Tell what a column holds besides NULL.

    Args:
        fragment: The column's JSON Schema.
        definitions: The `$defs` of the whole schema.
    """
    kinds = _kinds(fragment, definitions, _MOST_STEPS) - {None}
    if kinds == {"integer", "number"}:
        return "number"
    return (kinds.pop() if len(kinds) == 1 else None) or "any"


def _kinds(fragment: Any, definitions: Mapping[str, Any], steps: int) -> set[Kind | None]:
    """Give every kind that a value may be of: None for NULL, "any" where the schema leaves it open."""
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
