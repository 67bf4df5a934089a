"""Whatever is asked for, and whatever a model writes: no crash, and never a value of the wrong type."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_handler.errors import OptionError
from portkey_handler.operations import OPERATIONS
from portkey_handler.operations.result_columns import column_names, to_frame
from portkey_handler.options import Plan, resolve
from portkey_handler.options.output_schema import read_output
from portkey_handler.records import Item, Outcome, Response

NAMES = st.sampled_from(["a", "b", "tone", "Score", "日", "with blank", 'q"q'])
WORDS = st.sampled_from(["string", "integer", "float", "boolean", "list", "list of float", "object"])
TYPES = st.one_of(WORDS, WORDS.map(lambda word: f"{word} null"))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53 + 1, 2**63, -(2**63), 2**64, 10**30, 1.0, -0.0, 1e300, 0.1]),
    st.floats(),
    st.text(max_size=8),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, st.text(max_size=3)), inner, max_size=4)
    ),
    max_leaves=8,
)
FRAGMENTS = st.one_of(
    TYPES,
    st.lists(LEAVES.filter(lambda leaf: leaf == leaf), min_size=1, max_size=3).map(  # noqa: PLR0124 - NaN
        lambda leaves: {"enum": leaves}
    ),
    st.sampled_from([
        {},
        {"type": ["integer", "string"]},
        {"type": "integer", "minimum": 0},
        {"type": "number", "multipleOf": 0.1},
        {"type": "array", "uniqueItems": True},
        {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    ]),
)  # fmt: skip
#: Python's own kinds of what a column of each kind may hold.
HELD = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "list": list,
    "object": dict,
    "any": object,
}


@st.composite
def replies(draw: st.DrawFn, names: list[str]) -> str:
    """Give what a model might write: what was asked for, nearly that, or anything."""
    values = {name: draw(VALUES) for name in draw(st.permutations(names)) if draw(st.integers(0, 9))}
    written = json.dumps(draw(st.one_of(st.just(values), VALUES)), ensure_ascii=draw(st.booleans()))
    return draw(
        st.one_of(
            st.just(written),
            st.just(f"```json\n{written}\n```"),
            st.just(repr(values)),
            st.integers(0, len(written)).map(lambda end: written[:end]),
            st.text(max_size=30),
            st.text(alphabet="{}[]\"':,\\ 1aeTrueNon", max_size=40),
        )
    )


def run(plan: Plan, text: str, repaired: str, finish: str) -> Outcome:
    """Ask as the mapper does, and answer with these texts."""
    steps = OPERATIONS["chat"](plan).ask([Item(b"", b'[{"role":"user","content":"q"}]')])
    left = [repaired, text]
    request = next(steps)
    try:
        while True:
            assert orjson.loads(request.body)["messages"]
            choice = {
                "message": {"content": left.pop() if len(left) > 1 else left[0]},
                "finish_reason": finish,
            }
            request = steps.send(Response(200, {"choices": [choice]}))
    except StopIteration as stop:
        (answer,) = stop.value
        assert isinstance(answer, Outcome)
        return answer


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_reply_breaks_a_column(data: st.DataObject) -> None:
    """A row has an object that fits in columns of the promised types, or none and a reason."""
    columns = data.draw(st.dictionaries(NAMES, FRAGMENTS, min_size=1, max_size=4))
    method = data.draw(st.sampled_from(["auto", "json_schema", "tool", "prompt"]))
    using = {"output": columns, "output_method": method, "on_error": "null"}
    try:
        plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    except OptionError:
        return
    output = read_output(plan.output.output or "")
    texts = replies([column.name for column in output.columns])
    finish = data.draw(st.sampled_from(["stop", "stop", "stop", "length"]))
    answer = run(plan, data.draw(texts), data.draw(texts), finish)

    assert (answer.value is None) == (answer.reason is not None)
    if answer.value is not None:
        assert orjson.loads(orjson.dumps(answer.value)) == answer.value  # so it can be kept
        assert output.fit.misfits(answer.value) == []
    assert answer.failed == (answer.reason is not None)
    frame = to_frame(plan, [answer, Outcome(reason="nothing to ask")], pd.RangeIndex(2))
    assert list(frame.columns) == column_names(plan)
    for column in output.columns:
        check(frame[column.name], column.kind, (answer.value or {}).get(column.name))


def check(cells: pd.Series[Any], kind: str, value: Any) -> None:
    """See that a column has its dtype, and its first cell what the object has."""
    dtypes = {"integer": "Int64", "number": "float64", "boolean": "boolean"}
    assert str(cells.dtype) == dtypes.get(kind, "object")
    cell = cells.tolist()[0]
    if value is None:
        assert cell is None or cell is pd.NA or math.isnan(cell)
    else:
        assert isinstance(cell, HELD[kind])
        assert not isinstance(cell, bool) or kind in ("boolean", "any")
        assert cell == (float(value) if kind == "number" else value)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet='{}[]":, astringflo', max_size=60), VALUES.map(json.dumps)))
def test_no_output_breaks_create_model(written: str) -> None:
    """Columns are read, or refused in words."""
    try:
        found = read_output(written)
    except ValueError:
        return
    assert found.columns
    assert list(json.loads(found.text)["properties"]) == [column.name for column in found.columns]


WORDS_OF_SCHEMAS = st.sampled_from(
    ["type", "properties", "items", "enum", "const", "anyOf", "required", "$ref", "$defs", "$id", "minimum",
     "pattern", "additionalProperties", "prefixItems", "if", "then", "not", "contains", "$schema", "$anchor"]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        WORDS_OF_SCHEMAS,
        st.recursive(
            st.one_of(LEAVES, st.sampled_from(["string", "object", "array", "#", "#/$defs/a"])),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(WORDS_OF_SCHEMAS, inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=3,
    ),
    VALUES,
)
def test_no_schema_breaks_a_query(fragment: dict[str, Any], value: Any) -> None:
    """What is no schema is refused where the model is made; what is one can be checked."""
    try:
        found = read_output(json.dumps({"a": fragment}))
    except ValueError:
        return
    found.fit.misfits({"a": value})
