"""Typed answers as columns of a frame: their kinds, with NULLs and without rows, and every digit."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from support.predicting import bodies, predict, replying
from support.typed import OUTPUT, ask, said

from portkey_handler.gateway.offline import OfflineProvider

MISFIT = "the answer does not fit output, and neither did the one before it: "


def test_columns_have_their_types(provider: OfflineProvider) -> None:
    """Numbers are numbers to pandas, with and without NULLs, and lists and objects are Python's."""
    output = "s string, i integer, f float, b boolean, l list of integer, o object"
    values = {"s": "x", "i": 1.0, "f": 3, "b": True, "l": [1, 2], "o": {"a": [None]}}
    provider.behaviour.faults = replying(lambda _: said(json.dumps(values)))

    full = predict(provider, {"q": ["a", "b"]}, {"output": output})
    kinds = {name: str(full[name].dtype) for name in values}
    assert kinds == {"s": "object", "i": "int64", "f": "float64", "b": "bool", "l": "object", "o": "object"}
    first = full.iloc[0]
    assert [first[name] for name in "sifblo"] == ["x", 1, 3.0, True, [1, 2], {"a": [None]}]
    assert first["answer"] == values

    some = predict(provider, {"q": ["a", None]}, {"output": output})
    kinds = {name: str(some[name].dtype) for name in "ifb"}
    assert kinds == {"i": "Int64", "f": "float64", "b": "boolean"}
    assert some.iloc[1][list("sifblo")].isna().all()

    none = predict(provider, full[[]].assign(q="").iloc[:0], {"output": output})
    kinds = {name: str(none[name].dtype) for name in "sifblo"}
    assert kinds == {"s": "object", "i": "int64", "f": "float64", "b": "bool", "l": "object", "o": "object"}
    assert (
        list(none.columns) == list(full.columns) == ["answer", *"sifblo", "answer_error", "answer_evidence"]
    )


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63), 2**63 - 1])
def test_whole_numbers_keep_every_digit(provider: OfflineProvider, number: int) -> None:
    """Beside a NULL, too, where floats would round them."""
    provider.behaviour.faults = replying(lambda _: said(json.dumps({"n": number})))
    rows = predict(provider, {"q": ["a", None]}, {"output": "n integer"})
    assert rows["n"].tolist()[0] == number
    assert predict(provider, {"q": ["a"]}, {"output": "n integer"})["n"].tolist() == [number]  # kept


def test_a_number_that_no_column_holds_does_not_fit(provider: OfflineProvider) -> None:
    """JSON Schema calls 1e300 an integer, and 64 bits do not."""
    row = ask(provider, said('{"n": 1e300}'), said('{"n": 9223372036854775808}'), output="n integer")
    assert row["answer_error"] == MISFIT + "n: expected a whole number of 64 bits"


def test_two_hundred_columns(provider: OfflineProvider) -> None:
    """Each has its own type and its own value."""
    names = {f"c{number}": "integer" for number in range(200)}
    row = ask(provider, said(json.dumps({name: n for n, name in enumerate(names)})), output=names)
    assert [row[name] for name in names] == list(range(200))


def test_properties_that_may_be_missing_are_null(provider: OfflineProvider) -> None:
    """A whole schema says itself what is required."""
    whole = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}}
    row = ask(provider, said('{"b": [1], "c": 2}'), output=whole)
    assert row["answer"] == {"b": [1], "c": 2}
    assert pd.isna(row["a"])
    assert row["b"] == [1]


def test_deep_objects_are_kept(provider: OfflineProvider) -> None:
    """As deep as they can be written to disk they come back, from there as well."""
    deep = json.dumps({"o": json.loads('{"a":' * 200 + "1" + "}" * 200)})
    provider.behaviour.faults = replying(lambda _: said(deep))
    for _ in range(2):
        assert predict(provider, {"q": ["a"]}, {"output": "o object"})["o"].tolist() == [
            json.loads(deep)["o"]
        ]
    assert len(bodies(provider)) == 1


def test_the_stand_in_answers_with_what_is_asked_for(provider: OfflineProvider) -> None:
    """The demonstration runs without a model, by response_format and by a tool, and says so."""
    for method in ("auto", "tool"):
        row = predict(
            provider, {"q": ["a b c"]}, {"output": OUTPUT, "output_method": method, "reuse": "never"}
        ).iloc[0]
        assert (row["tone"][:17], row["score"]) == ("offline stand-in,", 3.0)
