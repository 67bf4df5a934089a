"""The option `output`: the JSON Schema that the model is asked for and that its answer is checked against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from .json_text import JsonText
from .output_roots import KEYWORDS, in_lower_case, is_whole_schema, unwrapped
from .output_types import Kind, columns_in_words, cut, fragment_of, kind_of
from .output_validator import Fit, check_schema, parts_of

MOST_COLUMNS = 500
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer.

    Attributes:
        name: Its name.
        kind: The type of its values other than NULL.
    """

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The columns of an answer and their JSON Schema.

    Attributes:
        text: The JSON Schema, as it is sent.
        columns: The columns, in order.
        is_strict: Providers can enforce the schema: its objects name all their properties, require each of
            them, and allow no others.
        fit: Finds how an object differs from the schema.
    """

    text: JsonText
    columns: tuple[Column, ...]
    is_strict: bool
    fit: Fit


#: How deep types may be nested; deeper ones take minutes to read.
_DEEPEST = 100


@lru_cache(maxsize=64)
def read_output(written: str) -> OutputSchema:
    """Read typed columns: in words, as an object of names, or as a whole JSON Schema.

    Raises:
        ValueError: It is none of them, or answers cannot be checked against it; the message says why.
    """
    text = written.strip()
    if not text:
        raise ValueError("expected columns with their types, such as 'sentiment string, score float'")
    if _depth(text) > _DEEPEST:
        raise ValueError("its types are nested too deeply")
    if text[0] == "[":
        raise ValueError('expected an object of columns, such as {"tags": "list"}, not a list')
    given = in_lower_case(unwrapped(_json(text))) if text[0] == "{" else columns_in_words(text)
    if is_whole_schema(given):
        schema = {"type": "object", **given}
    else:
        properties = {str(name): _fragment(str(name), value) for name, value in given.items()}
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    names = list(schema["properties"])
    _check_names(names)
    check_schema(schema, shown="output" if "properties" in given else "")
    _check_that_it_can_be_sent(schema)
    definitions = schema.get("$defs") or {}
    columns = tuple(Column(name, kind_of(schema["properties"][name], definitions)) for name in names)
    return OutputSchema(
        JsonText(json.dumps(schema, ensure_ascii=False, separators=(",", ":"))),
        columns,
        _is_strict(schema),
        Fit(schema, {column.name: column.kind for column in columns}),
    )


def _depth(text: str) -> int:
    """Return how deep brackets are nested in a text."""
    depth = deepest = 0
    for sign in text:
        if sign in "([<{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]>}":
            depth -= 1
    return deepest


def _json(text: str) -> dict[str, Any]:
    try:
        # Not strict: strings in SQL may have line breaks.
        found: dict[str, Any] = json.loads(
            text, strict=False, object_pairs_hook=_once, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg.lower()}, at character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("not valid JSON (nested too deeply)") from None
    if not found:
        raise ValueError('expected at least one column, such as {"score": "float"}')
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{cut(name)} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"not valid JSON ({name} is not a JSON number)")


def _fragment(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return fragment_of(value, name)
    if isinstance(value, dict) and value and not value.keys() & KEYWORDS:
        properties = {str(inner): _fragment(f"{name}.{inner}", one) for inner, one in value.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) == 1:  # ["string"], [{"name": "string"}]
        return {"type": "array", "items": _fragment(name, value[0])}
    raise ValueError(
        f'{cut(name)}: expected a type such as "float", or a JSON Schema such as {{"enum": ["yes", "no"]}}'
    )


def _check_that_it_can_be_sent(schema: Mapping[str, Any]) -> None:
    try:
        orjson.dumps(schema)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"the JSON Schema cannot be sent ({str(error).lower()})") from None


def _check_names(names: list[str]) -> None:
    if not names:
        raise ValueError('expected at least one column, such as {"score": "float"}')
    if len(names) > MOST_COLUMNS:
        raise ValueError(f"{len(names):,} columns; at most {MOST_COLUMNS} can be asked for")
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise ValueError(
                f"'{cut(name)}' cannot name a column: expected a name of up to {_LONGEST_NAME} characters"
            )
        if name.startswith("__"):
            raise ValueError(f"{cut(name)} cannot name a column: names that start with __ belong to the host")
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"{cut(other)} and {cut(name)} are the same column in SQL; rename one of them")


def _is_strict(schema: Mapping[str, Any]) -> bool:
    return all(map(_is_closed, parts_of(schema)))


def _is_closed(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type")
    if types != "object" and not (isinstance(types, list) and "object" in types):
        return "properties" not in schema
    properties = schema.get("properties") or {}
    return schema.get("additionalProperties") is False and {*properties} == {*schema.get("required", ())}
