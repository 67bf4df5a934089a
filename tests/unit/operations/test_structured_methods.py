"""Typed answers: by what they are asked for, and how a query steps down where a provider refuses one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.predicting import bodies, predict
from support.typed import FITS, OUTPUT, SCHEMA, ask, one_by_one, refused, said

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest


def method_of(body: Any) -> str:
    """Tell by what a request asks for its columns."""
    if "response_format" in body:
        return "json_schema"
    return "tool" if "tools" in body else "prompt"


# Asking


def test_json_schema_is_the_first_method(provider: OfflineProvider) -> None:
    """The schema goes out strict, the messages are those of a chat, and the answer is an object."""
    row = ask(provider, said(FITS))

    assert (row["answer"], row["tone"], row["score"]) == ({"tone": "warm", "score": 0.5}, "warm", 0.5)
    (body,) = bodies(provider)
    assert body["messages"] == [{"role": "user", "content": "How is it?"}]
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }


def test_a_schema_that_cannot_be_strict_says_so(provider: OfflineProvider) -> None:
    """A free object is nothing that a provider can enforce, and none is told to."""
    ask(provider, said('{"x": {}}'), output="x object")
    assert bodies(provider)[0]["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize("message", [
    {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "answer", "arguments": FITS}}]},
    {"tool_calls": [{"type": "function", "function": {"name": "answer", "arguments": json.loads(FITS)}}]},
    {"function_call": {"name": "answer", "arguments": FITS}},
    {"text": FITS},
])  # fmt: skip
def test_a_tool_has_to_be_called(provider: OfflineProvider, message: dict[str, Any]) -> None:
    """Its arguments are the answer; a model that writes them as text has answered, too."""
    row = ask(provider, said(**{"text": None, **message}), output_method="tool")

    assert row["answer"] == {"tone": "warm", "score": 0.5}
    (body,) = bodies(provider)
    assert [tool["function"]["parameters"] for tool in body["tools"]] == [SCHEMA]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "answer"}}


@pytest.mark.parametrize("text", [
    FITS,
    f"```json\n{FITS}\n```",
    f"Here you are:\n```\n{FITS}\n```\nIs there more?",
    f"It is {{warm}}, so: {FITS}",
    "{'tone': 'warm', 'score': 0.5}",
])  # fmt: skip
def test_an_instruction_is_the_last_method(provider: OfflineProvider, text: str) -> None:
    """Code fences, prose around it and single quotes are understood where nothing enforces JSON."""
    row = ask(provider, said(text), output_method="prompt")

    assert row["answer"] == {"tone": "warm", "score": 0.5}
    (body,) = bodies(provider)
    system, user = body["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("Answer with one JSON object that fits this JSON Schema")
    assert json.loads(system["content"].partition("\n")[2]) == SCHEMA
    assert user == {"role": "user", "content": "How is it?"}
    assert method_of(body) == "prompt"


@pytest.mark.parametrize(("system", "start"), [
    ("Be brief.", "Be brief.\n\nAnswer with one JSON object"),
    ([{"type": "text", "text": "Be brief."}], "Be brief.Answer with one JSON object"),
])  # fmt: skip
def test_an_instruction_goes_to_the_systems_message(
    provider: OfflineProvider, system: Any, start: str
) -> None:
    """There is one such message, as most providers want it."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "{{ q }}"}]
    ask(provider, said(FITS), output_method="prompt", messages=messages)

    first, last = bodies(provider)[0]["messages"]
    content = first["content"]
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    assert text.startswith(start)
    assert last["content"] == "How is it?"


# Stepping down

NO_SCHEMA = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
NO_TOOLS = "No endpoints found that support tool use."


def by_prompt_only(request: RecordedRequest) -> Fault:
    """Refuse what a small model's server refuses, and answer in a code fence."""
    method = method_of(request.body)
    if method == "json_schema":
        return refused(NO_SCHEMA)
    return refused(NO_TOOLS, 404) if method == "tool" else Fault(status=200, body=said(f"```\n{FITS}\n```"))


def test_auto_steps_down_once_for_all_rows(provider: OfflineProvider) -> None:
    """What the provider refuses is asked once; the rows after it go by what it takes."""
    provider.behaviour.faults = by_prompt_only
    rows = predict(provider, {"q": ["a", "b", "c"]}, {"output": OUTPUT})

    assert rows["tone"].tolist() == ["warm"] * 3
    methods = [method_of(body) for body in bodies(provider)]
    assert methods == ["json_schema", "tool", "prompt", "prompt", "prompt"]
    assert [evidence["attempts"] for evidence in rows["answer_evidence"]] == [3, 1, 1]


def test_many_rows_in_flight_step_down_together(provider: OfflineProvider) -> None:
    """Rows that were refused at the same time take one step, not one each."""
    provider.behaviour.faults = by_prompt_only
    provider.behaviour.latency = 0.02
    rows = predict(
        provider, {"q": [f"question {n}" for n in range(40)]}, {"output": OUTPUT, "concurrency": 8}
    )

    assert rows["tone"].tolist() == ["warm"] * 40
    methods = [method_of(body) for body in bodies(provider)]
    assert methods.count("prompt") == 40
    assert methods.count("json_schema") == methods.count("tool") == 8


def test_the_next_query_begins_anew(provider: OfflineProvider) -> None:
    """What a provider refuses today it may take tomorrow."""
    for _ in range(2):
        provider.behaviour.faults = by_prompt_only
        predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
    assert [method_of(body) for body in bodies(provider)] == ["json_schema", "tool", "prompt"] * 2


@pytest.mark.parametrize(("fault", "reason"), [
    (refused("Unsupported parameter: 'temperature'"), "400: Unsupported parameter: 'temperature'"),
    (refused(NO_SCHEMA, 413), f"413: {NO_SCHEMA}"),
])  # fmt: skip
def test_another_refusal_is_the_rows_own(provider: OfflineProvider, fault: Fault, reason: str) -> None:
    """Only words about the method make `auto` try another one."""
    row = ask(provider, fault)
    assert row["answer_error"].startswith(reason)
    assert len(bodies(provider)) == 1


@pytest.mark.parametrize(
    ("method", "words"), [("json_schema", NO_SCHEMA), ("tool", "tools are not supported")]
)
def test_a_chosen_method_is_not_changed(provider: OfflineProvider, method: str, words: str) -> None:
    """Who says how it is asked for gets the refusal, and what to write instead."""
    row = ask(provider, refused(words), output_method=method)
    assert (
        row["answer_error"] == f"400: {words}; output_method = 'auto' tries another method if one is refused"
    )
    assert len(bodies(provider)) == 1


def test_a_provider_that_passes_over_the_method_is_asked_by_another(provider: OfflineProvider) -> None:
    """Some know no response_format, say nothing of it and answer in prose: the repair is the step down."""
    row = ask(provider, said("I am happy to help."), said(None, tool_calls=[
        {"function": {"name": "answer", "arguments": FITS}},
    ]))  # fmt: skip
    assert row["tone"] == "warm"
    assert [method_of(body) for body in bodies(provider)] == ["json_schema", "tool"]


def test_one_row_of_prose_changes_nothing_for_the_others(provider: OfflineProvider) -> None:
    """A method by which there was JSON already is one that the provider knows."""
    provider.behaviour.faults = one_by_one(said(FITS), said("Sorry?"), said(FITS), said(FITS))
    rows = predict(provider, {"q": ["a", "b", "c"]}, {"output": OUTPUT})
    assert rows["tone"].tolist() == ["warm"] * 3
    assert {method_of(body) for body in bodies(provider)} == {"json_schema"}
