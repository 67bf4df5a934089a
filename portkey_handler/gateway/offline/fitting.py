"""An object that fits a JSON Schema, made from a text: the stand-in's answer for typed columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 20
_MOMENTS = {"date": "2026-01-31", "date-time": "2026-01-31T12:30:00Z", "time": "12:30:00"}


def schema_asked_for(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the JSON Schema of a request's response_format, or of the tool that has to be called."""
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and isinstance(wanted.get("json_schema"), dict):
        schema = wanted["json_schema"].get("schema")
        return schema if isinstance(schema, dict) else None
    name = called(body)
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if name is not None and isinstance(function, dict) and function.get("name") == name:
            schema = function.get("parameters")
            return schema if isinstance(schema, dict) else None
    return None


def called(body: Mapping[str, Any]) -> str | None:
    """Return the name of the function that the answer has to call; the first one if there are several."""
    choice = body.get("tool_choice")
    if choice == "required" and body.get("tools"):
        choice = body["tools"][0]
    function = choice.get("function") if isinstance(choice, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def fitting(schema: Mapping[str, Any], text: str) -> Any:
    """Return a value that fits a schema of the common keywords: texts are `text`, numbers count its words."""
    return _fitting(schema, text, schema, _DEEPEST)


def _fitting(schema: Any, text: str, root: Mapping[str, Any], left: int) -> Any:
    schema = _plain(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][len(text) % len(schema["enum"])]
    types = schema.get("type", "object" if "properties" in schema else "string")
    kind = types if isinstance(types, str) else types[0]
    if kind == "object" and left:
        properties = schema.get("properties") or {}
        return {name: _fitting(one, text, root, left - 1) for name, one in properties.items()}
    if kind == "array" and left:
        number = max(1, schema.get("minItems", 0)) if schema.get("maxItems") != 0 else 0
        return [_fitting(schema.get("items", {}), text, root, left - 1)] * number
    if kind in ("integer", "number"):
        return _number(schema, len(text.split()))
    said = _MOMENTS.get(schema.get("format", ""), text[: schema.get("maxLength")])
    return {"string": said, "boolean": False}.get(kind)


def _plain(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema behind references; the first one of several alternatives."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        ways = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if ways:
            schema = ways[0]
        elif "$ref" in schema:
            schema = root.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2])
        else:
            break
    return schema if isinstance(schema, Mapping) else {}


def _number(schema: Mapping[str, Any], words: int) -> Any:
    least = schema.get("minimum", schema.get("exclusiveMinimum", words - 1) + 1)
    most = schema.get("maximum", schema.get("exclusiveMaximum", max(words, least) + 1) - 1)
    return min(max(words, least), most)
