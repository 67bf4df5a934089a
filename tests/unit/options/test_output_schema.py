"""What the option `output` says, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from portkey_handler.errors import OptionError
from portkey_handler.options import resolve
from portkey_handler.options.output_schema import MOST_COLUMNS, read_output

WHOLE = {"type": "object", "properties": {"a": {"type": "string"}}}


def kinds(written: Any) -> dict[str, str]:
    """Give what each column holds."""
    text = written if isinstance(written, str) else json.dumps(written)
    return {column.name: column.kind for column in read_output(text).columns}


def schema(written: str) -> dict[str, Any]:
    """Give the JSON Schema that is asked for."""
    found: dict[str, Any] = json.loads(read_output(written).text)
    return found


def resolved(using: dict[str, Any], query: dict[str, Any] | None = None, target: str = "answer") -> Any:
    """Resolve a model's options at an engine without any."""
    return resolve(target=target, engine={}, model=using, query=query, environment={}).plan


# Words


@pytest.mark.parametrize(("words", "fragment"), [
    ("string", {"type": "string"}),
    ("TEXT", {"type": "string"}),
    ("integer", {"type": "integer"}),
    ("int", {"type": "integer"}),
    ("whole  number", {"type": "integer"}),
    ("float", {"type": "number"}),
    ("number", {"type": "number"}),
    ("double", {"type": "number"}),
    ("boolean", {"type": "boolean"}),
    ("bool", {"type": "boolean"}),
    ("list", {"type": "array", "items": {"type": "string"}}),
    ("array", {"type": "array", "items": {"type": "string"}}),
    ("list of float", {"type": "array", "items": {"type": "number"}}),
    ("list of whole numbers", {"type": "array", "items": {"type": "integer"}}),
    ("list of list of int", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
    ("object", {"type": "object"}),
    ("dict", {"type": "object"}),
    ("json", {"type": "object"}),
    ("float null", {"anyOf": [{"type": "number"}, {"type": "null"}]}),
    ("list of int or null",
     {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),
])  # fmt: skip
def test_type_words(words: str, fragment: dict[str, Any]) -> None:
    """Each word is a JSON Schema, in a list of columns and in an object alike."""
    assert schema(f"x {words}")["properties"]["x"] == fragment
    assert schema(json.dumps({"x": words}))["properties"]["x"] == fragment


def test_columns_in_words() -> None:
    """The object is closed and complete, in the order that was written; names may stand in quotes."""
    assert schema(' sentiment string,\n score: float , "two words" int null') == {
        "type": "object",
        "properties": {
            "sentiment": {"type": "string"},
            "score": {"type": "number"},
            "two words": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["sentiment", "score", "two words"],
        "additionalProperties": False,
    }


def test_an_object_of_fragments() -> None:
    """Words and JSON Schemas may stand side by side; a fragment goes out as it is."""
    mood = {"type": "string", "enum": ["good", "bad"], "description": "The mood."}
    assert schema(json.dumps({"mood": mood, "score": "float"}))["properties"] == {
        "mood": mood,
        "score": {"type": "number"},
    }


def test_a_whole_schema_is_not_adjusted() -> None:
    """Who writes all of it says what is required and what else may come."""
    assert schema(json.dumps(WHOLE)) == WHOLE


# Kinds


@pytest.mark.parametrize(("fragment", "kind"), [
    ({"type": "string", "enum": ["a", "b"]}, "string"),
    ({"type": ["integer", "null"]}, "integer"),
    ({"type": ["integer", "number"]}, "number"),
    ({"type": ["integer", "string"]}, "any"),
    ({"enum": ["a", None]}, "string"),
    ({"enum": [1, 2.5]}, "number"),
    ({"enum": [1, True]}, "any"),
    ({"const": False}, "boolean"),
    ({"anyOf": [{"type": "array"}, {"type": "null"}]}, "list"),
    ({"oneOf": [{"type": "object"}, {"type": "string"}]}, "any"),
    ({"minimum": 3}, "any"),
    ({"type": "null"}, "any"),
    ({}, "any"),
])  # fmt: skip
def test_a_kind_is_what_the_schema_promises(fragment: dict[str, Any], kind: str) -> None:
    """Where the schema leaves it open the column takes what comes."""
    assert kinds({"x": fragment}) == {"x": kind}


def test_references_inside_are_followed() -> None:
    """What stands in $defs has a kind, too."""
    part = {"$defs": {"n": {"type": "integer"}, "m": {"$ref": "#/$defs/n"}}}
    whole = {"type": "object", "properties": {"a": {"$ref": "#/$defs/m"}, "b": {"$ref": "#/$defs/n"}}}
    assert kinds({**whole, **part}) == {"a": "integer", "b": "integer"}


@pytest.mark.parametrize(("written", "strict"), [
    ("a string, b list of float null", True),
    ("a object", False),
    (json.dumps(WHOLE), False),
    (json.dumps({**WHOLE, "required": ["a"], "additionalProperties": False}), True),
    ('{"a": {"type": "array", "items": {"type": "object", "properties": {"x": {}}}}}', False),
])  # fmt: skip
def test_strict_where_providers_can_enforce_it(written: str, strict: bool) -> None:
    """Every object in it has to be closed and complete, else a provider would refuse the schema."""
    assert read_output(written).is_strict is strict


# Refused


@pytest.mark.parametrize(("written", "message"), [
    ("", "expected columns with their types, such as 'sentiment string, score float'"),
    ("sentiment", "sentiment has no type; write 'sentiment string', or another of: string, integer"),
    ("a string,", "expected columns with their types"),
    ("a string, b flaot", "b: 'flaot' is no type, did you mean float? Types are string"),
    ("a list of flaot", "a: 'flaot' is no type, did you mean float?"),
    ("a string, a float", "a is given twice"),
    ('{"a": "string", "a": "float"}', "a is given twice"),
    ('{"a": "string", "A": "float"}', "a and A are the same column in SQL; rename one of them"),
    ('{"a": "string"', "not valid JSON (expecting ',' delimiter, at character 15)"),
    ('{"a": NaN}', "not valid JSON (NaN is not a JSON number)"),
    ("{}", "expected at least one column"),
    ('{"a": 1}', 'a: expected a type such as "float", or a JSON Schema such as {"enum": ["yes", "no"]}'),
    ('{"__mindsdb_row_id": "int"}', "names that start with __ belong to the host"),
    ('{"a\\n": "int"}', "cannot name a column"),
    ('{"": "int"}', "'' cannot name a column: expected a name of up to 100 characters"),
    ('{"a": {"type": "strin"}}', "a.type: no JSON Schema ('strin' is not valid under any of the given"),
    ('{"a": {"minimum": "x"}}', "a.minimum: no JSON Schema ('x' is not of type 'number')"),
    ('{"type": "object", "properties": {"a": 1}}', "a: no JSON Schema (1 is not of type 'object'"),
    ('{"type": "object", "required": "a", "properties": {"a": {}}}', "output.required: no JSON Schema"),
    ('{"type": "object", "properties": {}}', "expected at least one column"),
])  # fmt: skip
def test_what_is_wrong_is_said(written: str, message: str) -> None:
    """The message names the column and what is accepted."""
    with pytest.raises(ValueError, match=re.escape(message)):
        read_output(written)


@pytest.mark.parametrize(("fragment", "message"), [
    ({"$ref": "http://127.0.0.1:1/x.json"}, "outside of the JSON Schema, which is not fetched"),
    ({"$ref": "other.json"}, "outside of the JSON Schema, which is not fetched"),
    ({"items": {"$ref": "file:///etc/passwd"}}, "outside of the JSON Schema, which is not fetched"),
    ({"$ref": "#/$defs/none"}, "$ref '#/$defs/none' refers to nothing in the JSON Schema"),
    ({"properties": {"enum": {"$ref": "#none"}}}, "$ref '#none' refers to nothing"),
    ({"$id": "http://127.0.0.1:1/", "type": "string"}, "$id can only be used at the top"),
    ({"$ref": "#/properties/x"}, "refers to itself without end"),
    ({"type": "string", "pattern": "^(a+)+$"}, "pattern cannot be used: a regular expression may take very"),
    ({"items": [{"patternProperties": {"(a+)+$": {}}}]}, "patternProperties cannot be used"),
])  # fmt: skip
def test_nothing_is_fetched_and_nothing_runs_for_ever(fragment: dict[str, Any], message: str) -> None:
    """A schema that leads out of itself, or whose check may not end, is refused before a row is asked."""
    with pytest.raises(ValueError, match=re.escape(message)):
        read_output(json.dumps({"x": fragment}))


def test_names_are_no_words_of_a_schema() -> None:
    """A column may be called like a word that is refused elsewhere."""
    assert kinds({"pattern": "string", "$ref": "int", "$id": "float"}) == {
        "pattern": "string",
        "$ref": "integer",
        "$id": "number",
    }


def test_how_much_there_may_be() -> None:
    """Some hundred columns, and a schema that a person could have written."""
    assert len(read_output(json.dumps({f"c{n}": "int" for n in range(MOST_COLUMNS)})).columns) == MOST_COLUMNS
    with pytest.raises(ValueError, match="501 columns; at most 500 can be asked for"):
        read_output(json.dumps({f"c{n}": "int" for n in range(MOST_COLUMNS + 1)}))
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"items": deep}
    with pytest.raises(ValueError, match="nested too deeply"):
        read_output(json.dumps({"a": deep}))
    with pytest.raises(ValueError, match="nested too deeply"):
        read_output('{"a":' * 100_000)
    with pytest.raises(ValueError, match="its types are nested too deeply"):
        read_output("a " + "list[" * 50_000 + "string" + "]" * 50_000)


# As an option


def test_a_plan_with_output_can_be_hashed() -> None:
    """The columns are kept as text, whichever way they were written."""
    plan = resolved({"output": {"a": {"enum": ["x"]}}})
    assert plan.output.output == '{"a": {"enum": ["x"]}}'
    assert hash(plan) == hash(resolved({"output": {"a": {"enum": ["x"]}}}))
    assert resolved({"output": "a string"}, {"output": None}).output.output is None
    assert resolved({}).output.output_method == "auto"


@pytest.mark.parametrize(("using", "message"), [
    ({"output": "Answer string"}, "output: the column Answer has a name that the query's own columns need"),
    ({"output": "answer_error string"}, "the column answer_error has a name"),
    ({"output": "a string, answer_evidence object"}, "the column answer_evidence has a name"),
    ({"output": "a strin"}, "a: 'strin' is no type, did you mean string?"),
    ({"output": ["a"]}, "expected columns with their types, such as 'sentiment string, score float'"),
    ({"output": "a string", "tools": []}, "output and tools both say what an answer looks like; give one"),
    ({"output": "a string", "parameters": {"response_format": {}}}, "output and response_format both say"),
    ({"output": "a string", "mode": "completion"}, "output belongs to mode chat; this model's is completion"),
    ({"output": "a string", "output_method": "xml"}, "output_method = 'xml': expected 'auto', 'json_schema'"),
])  # fmt: skip
def test_wrong_options_are_named(using: dict[str, Any], message: str) -> None:
    """Columns that would take the place of others are refused, and what says the same twice."""
    with pytest.raises(OptionError) as caught:
        resolved(using)
    assert message in caught.value.message


def test_columns_are_checked_against_the_target() -> None:
    """What one target needs is free under another one."""
    assert resolved({"output": "answer string"}, target="verdict").output.output == "answer string"
