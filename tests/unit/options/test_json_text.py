"""JSON documents in a plan: texts that are compared and pickled, with a view that cannot be changed."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import orjson
import pandas as pd
import pytest
from pytest_mock import MockerFixture

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.options import EngineConfig, Plan, resolve
from portkey_handler.options.json_text import JsonText
from portkey_handler.predictor import Predictor

WRITTEN = '{"b":[1,{"x":2.5},[]],"a":"é","n":null,"big":12345678901234567890}'


def plan_of(**using: Any) -> Plan:
    """Resolve CREATE MODEL … USING."""
    return resolve(target="answer", engine={}, model=using, environment={}).plan


def test_it_is_its_text() -> None:
    """Equality, hash, order and encoding are those of the text."""
    text = JsonText(WRITTEN)
    assert text == WRITTEN
    assert {text: "found"}[WRITTEN] == "found"
    assert type("\0".join([text, ""])) is str
    assert orjson.loads(orjson.dumps({"kept": text})) == {"kept": WRITTEN}


def test_equal_objects_have_one_canonical_text() -> None:
    """The order of names says nothing."""
    one = JsonText.canonical({"b": 1, "a": {"d": "ü", "c": []}})
    assert one == JsonText.canonical({"a": {"c": [], "d": "ü"}, "b": 1}) == '{"a":{"c":[],"d":"ü"},"b":1}'


def test_the_view_is_what_the_text_says() -> None:
    """Writers of JSON write the view as they write plain objects and lists, to the byte."""
    view, plain = JsonText(WRITTEN).value, json.loads(WRITTEN)
    assert view == plain
    assert isinstance(view, dict)
    assert isinstance(view["b"], list)
    assert json.dumps(view, sort_keys=True) == json.dumps(plain, sort_keys=True)
    assert orjson.dumps(view) == orjson.dumps(plain)
    assert JsonText("7").value == 7


def test_the_view_is_made_once() -> None:
    """The same object comes back, parts of it too."""
    text = JsonText(WRITTEN)
    assert text.value is text.value
    assert text.value["b"] is text.value["b"]


def test_what_is_not_json_says_so_when_it_is_read() -> None:
    """As json.loads does."""
    with pytest.raises(ValueError, match="Expecting"):
        _ = JsonText("{'a'}").value


OBJECT_CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda it: it.__setitem__("a", 1),
    "delete": lambda it: it.__delitem__("a"),
    "or": lambda it: it.__ior__({"a": 1}),
    "clear": lambda it: it.clear(),
    "pop": lambda it: it.pop("a"),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: it.setdefault("z", 1),
    "update": lambda it: it.update(a=1),
}
LIST_CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda it: it.__setitem__(0, 1),
    "delete": lambda it: it.__delitem__(0),
    "add": lambda it: it.__iadd__([1]),
    "multiply": lambda it: it.__imul__(2),
    "append": lambda it: it.append(1),
    "clear": lambda it: it.clear(),
    "extend": lambda it: it.extend([1]),
    "insert": lambda it: it.insert(0, 1),
    "pop": lambda it: it.pop(),
    "remove": lambda it: it.remove(1),
    "reverse": lambda it: it.reverse(),
    "sort": lambda it: it.sort(key=str),
}


def test_every_method_that_changes_is_refused() -> None:
    """Those of dict and list that their read-only counterparts lack; a later Python may have more."""
    of_dict = {*dir(dict)} - {*dir(MappingProxyType), "fromkeys"} | {"__ior__"}
    of_list = {*dir(list)} - {*dir(tuple), "copy", "__reversed__"}
    assert (len(of_dict), len(of_list)) == (len(OBJECT_CHANGES), len(LIST_CHANGES))
    view = JsonText(WRITTEN).value
    refused = type(view).update
    assert {getattr(type(view), name) for name in of_dict} == {refused}
    assert {getattr(type(view["b"]), name) for name in of_list} == {refused}


@pytest.mark.parametrize("change", OBJECT_CHANGES)
def test_an_object_of_the_view_cannot_be_changed(change: str) -> None:
    """Another query would see the change; the message says how to copy."""
    view = JsonText(WRITTEN).value
    with pytest.raises(TypeError, match="cannot be changed; copy it"):
        OBJECT_CHANGES[change](view)
    with pytest.raises(TypeError, match="cannot be changed"):
        OBJECT_CHANGES[change](view["b"][1])
    assert view == json.loads(WRITTEN)


@pytest.mark.parametrize("change", LIST_CHANGES)
def test_a_list_of_the_view_cannot_be_changed(change: str) -> None:
    """Likewise, at any depth."""
    view = JsonText(WRITTEN).value
    with pytest.raises(TypeError, match="cannot be changed; copy it"):
        LIST_CHANGES[change](view["b"])
    assert view == json.loads(WRITTEN)


def test_copies_of_the_view_can_be_changed() -> None:
    """They are plain objects and lists, all the way down in a deep copy and a pickle."""
    view = JsonText(WRITTEN).value
    pickled = pickle.loads(pickle.dumps(view))  # noqa: S301 - our own bytes
    for copied in ({**view}, view.copy(), copy.copy(view), copy.deepcopy(view), pickled):
        assert type(copied) is dict
        copied["a"] = "other"
    for deep in (copy.deepcopy(view), pickled):
        deep["b"][1]["x"] = 3
        deep["b"].append(4)
    assert view == json.loads(WRITTEN)


def test_only_the_text_is_pickled() -> None:
    """A view that was read makes the pickle no longer."""
    text = JsonText(WRITTEN)
    before = pickle.dumps(text)
    assert text.value
    assert pickle.dumps(text) == before
    again = pickle.loads(before)  # noqa: S301 - our own bytes
    assert (type(again), again, again.value) == (JsonText, WRITTEN, text.value)


def test_the_plans_documents_are_such_texts() -> None:
    """However they were written: as JSON or as text; also after a pickle."""
    messages = [{"role": "user", "content": "{{q}}"}]
    for written in (messages, json.dumps(messages)):
        plan = plan_of(messages=written, temperature=0.5, metadata={"a": "b"})
        again = pickle.loads(pickle.dumps(plan))  # noqa: S301 - our own bytes
        assert again == plan
        assert again.input.messages.value == messages
        assert again.parameters.value["temperature"] == 0.5
        assert again.routing.value == {"metadata": {"a": "b"}}
    prompt = plan_of(mode="prompt", prompt_id="p", variables={"a": "{{q}}"}).input.variables
    assert prompt is not None
    assert prompt.value == {"a": "{{q}}"}
    body = plan_of(mode="request", path="/rerank", body={"a": [1]}).input.body
    assert body is not None
    assert body.value == {"a": [1]}


@pytest.mark.parametrize(
    "using",
    [
        {"messages": [{"role": "user", "content": "{{q}}"}], "max_cost": 5, "tokens_per_minute": 60_000},
        {"column": "q", "output": "mood string", "temperature": 0.5},
        {"mode": "prompt", "prompt_id": "p", "variables": {"a": "{{q}}"}, "max_cost": 5},
        {"mode": "request", "path": "/chat/completions", "body": {"a": "{{q}}"}, "parameters": {"b": 1}},
    ],
)
def test_a_plan_is_parsed_once(
    using: dict[str, Any], provider: OfflineProvider, mocker: MockerFixture
) -> None:
    """Two queries of a predictor parse each document of its plan at most once in all."""
    plan = plan_of(**{"model": "gpt-4o", "on_error": "null", "metadata": {"a": "b"}, **using})
    parsed = mocker.spy(json, "loads")
    predictor = Predictor(plan)
    engine = EngineConfig({"base_url": provider.base_url, "provider": "openai"})
    for text in ("one", "two"):
        predictor(pd.DataFrame({"q": [text]}), engine)
    assert len(provider.requests) >= 2
    documents = [plan.parameters, plan.routing, plan.input.messages, plan.input.variables, plan.input.body]
    texts = [call.args[0] for call in parsed.call_args_list]
    counts = {document: texts.count(document) for document in documents if document is not None}
    assert set(counts.values()) <= {0, 1}
    assert counts[plan.routing] == counts[plan.parameters] == 1
