"""The root of `output`: a whole JSON Schema, in the spellings of several providers, or columns by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .output_types import fragment_of, is_type

#: Words of JSON Schema; an object that has none of them names columns.
KEYWORDS = frozenset(
    {"$defs", "$id", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "default",
     "definitions", "description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format",
     "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "multipleOf", "not",
     "nullable", "oneOf", "pattern", "prefixItems", "properties", "required", "title", "type", "uniqueItems"}
)  # fmt: skip
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
#: Words whose values are data, or schemas by names of the user.
_DATA = frozenset({"enum", "const", "default", "examples", "required"})
_OF_NAMES = frozenset({"properties", "$defs", "definitions"})
_DEEPEST = 60
_BY_FOLDED = {word.lower(): word for word in KEYWORDS}


def unwrapped(given: dict[str, Any]) -> dict[str, Any]:
    """Return the schema within what OpenAI's response_format has around it."""
    for name in ("json_schema", "schema"):
        inner = given.get(name)
        rest = given.keys() - {name, "name", "strict", "type", "description"}
        if isinstance(inner, dict) and not rest and ("properties" in inner or "schema" in inner):
            return unwrapped(inner)
    return given


def in_lower_case(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with its words and types in lower case, and NULL as JSON Schema writes it.

    Gemini writes `"type": "STRING", "nullable": true`; others write `"TYPE"`, or the types of this package.
    """
    folded = _folded(schema)
    is_clear = isinstance(folded.get("properties"), dict) or folded.get("type") in ("array", "object")
    root = folded if is_clear or len(schema) == 1 else schema
    made: dict[str, Any] = _lowered(root, _DEEPEST, is_root=True)
    return made


def _folded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the words of JSON Schema as they are written there, if it is a schema."""
    if not schema or not all(isinstance(word, str) and word.lower() in _BY_FOLDED for word in schema):
        return schema
    made = {_BY_FOLDED[word.lower()]: inner for word, inner in schema.items()}
    root = made.get("type")
    if isinstance(root, str) and root.lower() in _TYPES:
        made["type"] = root.lower()
    elif not isinstance(made.get("properties"), dict):
        return schema
    return made if len(made) == len(schema) else schema


def _in_words(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose `type` or `items` may be a type in words, such as date, as JSON Schema has it."""
    words = schema.get("type")
    if schema.keys() - KEYWORDS:
        return schema
    if isinstance(words, str) and words.lower() not in _TYPES and is_type(words):
        rest = {word: inner for word, inner in schema.items() if word != "type"}
        schema = {**fragment_of(words, ""), **rest}
    if isinstance(schema.get("items"), str) and is_type(schema["items"]):
        schema = {**schema, "items": fragment_of(schema["items"], "")}
    return schema


def _lowered(value: Any, left: int, *, is_root: bool = False) -> Any:
    if isinstance(value, list):
        return [_lowered(one, left - 1) for one in value] if left else value
    if not isinstance(value, dict) or not left:
        return value
    if not is_root:
        value = _in_words(_folded(value))
    made: dict[str, Any] = {}
    for word, inner in value.items():
        if word in _OF_NAMES and isinstance(inner, dict):
            made[word] = {name: _lowered(one, left - 1) for name, one in inner.items()}
        elif word in _DATA:
            made[word] = inner
        elif word == "type" and isinstance(inner, str) and inner.lower() in _TYPES:
            made[word] = inner.lower()
        else:
            made[word] = _lowered(inner, left - 1)
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        del made["nullable"]
        made["type"] = [made["type"], "null"]
    return made


def is_whole_schema(given: Mapping[str, Any]) -> bool:
    """Return whether an object is the JSON Schema of an answer; otherwise it names columns.

    Raises:
        ValueError: It is a schema whose root is no object: a list or a scalar has no columns.
    """
    properties = given.get("properties")
    if isinstance(properties, dict) and not given.keys() - KEYWORDS and not is_type(properties.get("type")):
        root = given.get("type", "object")
        if isinstance(root, list) and "object" in root:
            raise ValueError('a row has one object, so write "type": "object" at the root of the JSON Schema')
        if root != "object":
            raise _no_object(root)
        return True
    others = {name: value for name, value in given.items() if name != "type"}
    is_schema = not others.keys() - KEYWORDS and not all(map(is_type, others.values()))
    root = given.get("type")
    is_list = root == "array" and "items" in given
    if isinstance(root, str) and root in _TYPES and (is_schema or is_list or not others):
        raise _no_object(root)
    if (
        root is None
        and given
        and is_schema
        and given.keys() & {"items", "enum", "anyOf", "oneOf", "allOf", "$ref"}
    ):
        raise _no_object(next(iter(given.keys() & {"items", "enum", "anyOf", "oneOf", "allOf", "$ref"})))
    return False


def _no_object(root: Any) -> ValueError:
    if root == "object":
        return ValueError(
            "the JSON Schema of an object needs its properties, which are the columns, such as "
            '{"type": "object", "properties": {"label": {"type": "string"}}}'
        )
    return ValueError(
        f"the root of this JSON Schema is {root}, and a row has one object: name it as a column, such as "
        '{"labels": {"type": "array", "items": {"type": "string"}}}'
    )
