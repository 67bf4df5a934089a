"""The forms in which people write `output`: understood, or refused with what to write."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timezone
from typing import Any

import pandas as pd
import pytest
from support.predicting import bodies, predict
from support.typed import said

from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options.moments import read_moment
from portkey_handler.options.output_schema import read_output

OBJECT = {"type": "object", "additionalProperties": False}
STRINGS = {"type": "array", "items": {"type": "string"}}


def schema(written: str) -> Any:
    """Give the JSON Schema that is sent."""
    return json.loads(read_output(written).text)


@pytest.mark.parametrize(
    ("words", "fragment", "kind"),
    [
        ("date", {"type": "string", "format": "date"}, "date"),
        ("datetime", {"type": "string", "format": "date-time"}, "datetime"),
        ("TIMESTAMP", {"type": "string", "format": "date-time"}, "datetime"),
        ("time", {"type": "string", "format": "time"}, "time"),
        ("date null", {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "date"),
        ("decimal", {"type": "number"}, "number"),
        ("str", {"type": "string"}, "string"),
        ("VARCHAR", {"type": "string"}, "string"),
        ("bigint", {"type": "integer"}, "integer"),
        ("enum(a, b, c)", {"type": "string", "enum": ["a", "b", "c"]}, "string"),
        ("enum('very good', \"bad\")", {"type": "string", "enum": ["very good", "bad"]}, "string"),
        (
            "ENUM(Good,Bad) null",
            {"anyOf": [{"type": "string", "enum": ["Good", "Bad"]}, {"type": "null"}]},
            "string",
        ),
        ("list[string]", STRINGS, "list"),
        ("List[str]", STRINGS, "list"),
        ("array<string>", STRINGS, "list"),
        ("string[]", STRINGS, "list"),
        ("list of strings", STRINGS, "list"),
        ("list(string)", STRINGS, "list"),
        ("double precision", {"type": "number"}, "number"),
        ("timestamptz", {"type": "string", "format": "date-time"}, "datetime"),
        ("list of date", {"type": "array", "items": {"type": "string", "format": "date"}}, "list"),
        ("list[enum(a, b)]", {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, "list"),
    ],
)
def test_words_of_types(words: str, fragment: Any, kind: str) -> None:
    """In a list of columns and in an object."""
    for written in (f"x {words}, y int", json.dumps({"x": words, "y": "int"})):
        output = read_output(written)
        assert json.loads(output.text)["properties"] == {"x": fragment, "y": {"type": "integer"}}
        assert output.columns[0].kind == kind


@pytest.mark.parametrize(
    ("written", "properties"),
    [
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, {"a": {"type": "string"}}),
        (
            {"type": "Object", "properties": {"a": {"nullable": True, "type": "INTEGER"}}},
            {"a": {"type": ["integer", "null"]}},
        ),
        ({"TYPE": "OBJECT", "PROPERTIES": {"a": {"TYPE": "STRING"}}}, {"a": {"type": "string"}}),
        ({"Type": "object", "Properties": {"A": {"Type": "Array", "Items": {"Type": "String"}}}}, {"A": STRINGS}),
        ({"PROPERTIES": {"a": {"ENUM": ["X"], "TYPE": "STRING"}}}, {"a": {"enum": ["X"], "type": "string"}}),
        ({"a": {"TYPE": "INTEGER"}}, {"a": {"type": "integer"}}),
        ({"Type": "text", "Title": "string"}, {"Type": {"type": "string"}, "Title": {"type": "string"}}),
        ({"a": {"type": "date"}}, {"a": {"type": "string", "format": "date"}}),
        ({"a": {"type": "Decimal", "description": "in euros"}}, {"a": {"type": "number", "description": "in euros"}}),
        ({"a": {"type": "list[date]"}}, {"a": {"type": "array", "items": {"type": "string", "format": "date"}}}),
        ({"a": {"type": "array", "items": "string"}}, {"a": STRINGS}),
        ({"type": "object", "properties": {"a": {"type": "timestamp"}}},
         {"a": {"type": "string", "format": "date-time"}}),
        ({"properties": {"a": {"type": "string"}}}, {"a": {"type": "string"}}),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": {"type": "string"}}),
        (
            {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {
                "type": "object", "properties": {"a": {"type": "string"}}}}},
            {"a": {"type": "string"}},
        ),
        ({"a": {"b": "string", "c": ["float"]}}, {"a": {**OBJECT, "properties": {
            "b": {"type": "string"}, "c": {"type": "array", "items": {"type": "number"}}}, "required": ["b", "c"]}}),
        ({"a": [{"x": "int"}]}, {"a": {"type": "array", "items": {
            **OBJECT, "properties": {"x": {"type": "integer"}}, "required": ["x"]}}}),
        ({"type": "string", "sentiment": "string"}, {"type": {"type": "string"}, "sentiment": {"type": "string"}}),
        ({"title": "string", "description": "text"}, {"title": {"type": "string"}, "description": {"type": "string"}}),
        ({"items": "list", "type": "string"}, {"items": STRINGS, "type": {"type": "string"}}),
        ({"properties": "list"}, {"properties": STRINGS}),
        ({"type": {"enum": ["A", "B"]}}, {"type": {"enum": ["A", "B"]}}),
        ({"a": {"type": "ARRAY", "items": {"type": "STRING", "enum": ["STRING"]}}},
         {"a": {"type": "array", "items": {"type": "string", "enum": ["STRING"]}}}),
    ],
)  # fmt: skip
def test_forms_that_are_understood(written: Any, properties: Any) -> None:
    """Schemas as providers write them, and short forms within short forms."""
    assert schema(json.dumps(written))["properties"] == properties


@pytest.mark.parametrize("written", ["json", "string", "list[string]", " integer ", "enum(good, bad)"])
def test_a_type_alone_needs_a_name(written: str) -> None:
    """It was told to write `list[string] string`."""
    with pytest.raises(ValueError, match=r"^'") as caught:
        read_output(written)
    shown = written.strip()
    said = f"'{shown}' is a type without a column; write a name before it: 'label {shown}'"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("string sentiment", "write the name before its type: 'sentiment string'"),
        (
            '{"TYPE": "ARRAY", "ITEMS": {"TYPE": "STRING"}}',
            "the root of this JSON Schema is array, and a row has one object: name it as a column, such as "
            '{"labels": {"type": "array", "items": {"type": "string"}}}',
        ),
        (
            '{"type": "object"}',
            "the JSON Schema of an object needs its properties, which are the columns, such as "
            '{"type": "object", "properties": {"label": {"type": "string"}}}',
        ),
        (
            '{"type": ["object", "null"], "properties": {"a": {"type": "string"}}}',
            'a row has one object, so write "type": "object" at the root of the JSON Schema',
        ),
    ],
)
def test_other_orders_and_roots_are_refused(written: str, message: str) -> None:
    """Each says what to write."""
    with pytest.raises(ValueError, match=r"^") as caught:
        read_output(written)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("written", "root"),
    [
        ({"type": "array", "items": {"type": "string"}}, "array"),
        ({"type": "ARRAY", "items": {"type": "STRING"}}, "array"),
        ({"type": "array", "items": "string"}, "array"),
        ({"type": "string"}, "string"),
        ({"type": "string", "enum": ["a", "b"]}, "string"),
        ({"type": "number", "description": "from 0 to 1"}, "number"),
        ({"enum": ["a", "b"]}, "enum"),
        ({"anyOf": [{"type": "string"}]}, "anyOf"),
    ],
)
def test_a_root_that_is_no_object_is_refused(written: Any, root: str) -> None:
    """It became columns called `type` and `items`."""
    with pytest.raises(ValueError, match=r"^the root of this") as caught:
        read_output(json.dumps(written))
    assert str(caught.value) == (
        f"the root of this JSON Schema is {root}, and a row has one object: name it as a column, such as "
        '{"labels": {"type": "array", "items": {"type": "string"}}}'
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('["a"]', 'expected an object of columns, such as {"tags": "list"}, not a list'),
        ("a varchar(20)", "a: 'varchar(20)' has a length, which a model does not keep; write varchar"),
        ("a enum()", "a: enum has an empty value; write enum(good, bad)"),
        ("a dat", "a: 'dat' is no type, did you mean date? Types are string, integer, float, boolean, date, datetime, "
         "time, enum(a, b), list, list of float, object; each may have null after it"),
    ],
)  # fmt: skip
def test_forms_that_are_refused(written: str, message: str) -> None:
    """The message shows what to write."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - compared below
        read_output(written)
    assert str(caught.value) == message


# Dates come as dates


def test_dates_come_as_dates(provider: OfflineProvider) -> None:
    """In columns of Python's own types; the object beside them keeps the texts."""
    answers = iter(
        [
            '{"due": "2026-01-31", "at": "2026-01-31T12:30:00Z", "from": "08:15"}',
            '{"due": null, "at": "2026-02-01 07:00:00.5", "from": "08:15:30"}',
        ]
    )
    provider.behaviour.faults = lambda _: Fault(status=200, body=said(next(answers)))
    rows = predict(provider, {"q": ["a", "b"]}, {"output": "due date null, at datetime, from time"})
    assert rows["answer_error"].tolist() == [None, None]
    assert rows["due"].tolist() == [date(2026, 1, 31), None]
    assert rows["at"].tolist() == [
        datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc),
        datetime(2026, 2, 1, 7, 0, 0, 500_000),
    ]
    assert rows["from"].tolist() == [time(8, 15), time(8, 15, 30)]
    assert rows["answer"][0]["due"] == "2026-01-31"
    assert bodies(provider)[0]["response_format"]["json_schema"]["schema"]["properties"]["from"] == {
        "type": "string",
        "format": "time",
    }


def test_a_date_in_another_form_does_not_fit(provider: OfflineProvider) -> None:
    """The model is told once; a wrong date is not guessed at."""
    provider.behaviour.faults = lambda _: Fault(status=200, body=said('{"due": "31.01.2026"}'))
    row = predict(provider, {"q": ["a"]}, {"output": "due date"}).iloc[0]
    assert (row["answer"], pd.isna(row["due"])) == (None, True)
    assert row["answer_error"] == (
        "the answer does not fit output, and neither did the one before it: due: expected a date such as 2026-01-31"
    )
    assert "due: expected a date such as 2026-01-31" in bodies(provider)[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date", "2026-13-01"),
        ("date", "2026-02-30"),
        ("date", "20260131"),
        ("date", "2026-01-31T00:00:00"),
        ("date", ""),
        ("datetime", "yesterday"),
        ("time", "25:00"),
        ("time", "noon"),
    ],
)
def test_what_is_no_date_is_none(kind: str, text: str) -> None:
    """Also what some versions of Python read and others do not."""
    assert read_moment(kind, text) is None
