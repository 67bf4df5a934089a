"""Typed answers: by what they are asked for, and how a query steps down where a provider refuses one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.predicting import bodies, predict
from support.typed import FITS, OUTPUT, SCHEMA, ask, one_by_one, refused, said

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.host.data_dir import data_dir
from portkey_handler.storage import learnt_methods


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


def methods(provider: OfflineProvider) -> list[str]:
    """Give the methods of the requests, in order."""
    return [method_of(body) for body in bodies(provider)]


def test_the_next_query_begins_with_what_was_learnt(provider: OfflineProvider) -> None:
    """Every query paid for finding out again."""
    for _ in range(2):
        provider.behaviour.faults = by_prompt_only
        predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
    assert methods(provider) == ["json_schema", "tool", "prompt", "prompt"]


def test_what_was_learnt_is_of_one_model_and_one_engine(provider: OfflineProvider) -> None:
    """Another model behind the same gateway may know what this one does not."""
    provider.behaviour.faults = by_prompt_only
    for using, engine in (
        ({"model": "small"}, {}),
        ({"model": "large"}, {}),
        ({"model": "small"}, {"provider": "openai"}),
    ):
        predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never", **using}, engine=engine)
    assert methods(provider) == ["json_schema", "tool", "prompt"] * 3


def test_what_was_learnt_is_learnt_again_after_a_week(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a provider refuses today it may take tomorrow."""
    provider.behaviour.faults = by_prompt_only
    predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
    monkeypatch.setattr(learnt_methods, "_KEPT", 0.0)
    predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
    assert methods(provider) == ["json_schema", "tool", "prompt"] * 2


def test_a_chosen_method_learns_nothing_and_forgets_nothing(provider: OfflineProvider) -> None:
    """`output_method` says what to do, whatever other queries found."""
    provider.behaviour.faults = by_prompt_only
    for method in ("prompt", "auto", "json_schema", "auto"):
        predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never", "output_method": method})
    assert methods(provider) == ["prompt", "json_schema", "tool", "prompt", "json_schema", "prompt"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"claude-2.1": 5}', b'{"claude-2.1": [5, 9e99]}'])
def test_a_damaged_memory_is_no_memory(provider: OfflineProvider, content: bytes) -> None:
    """It is written anew by the next query that learns."""
    provider.behaviour.faults = by_prompt_only
    for damaged in (True, False):
        predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
        (file,) = (data_dir() / "methods").iterdir()
        if damaged:
            file.write_bytes(content)
    predict(provider, {"q": ["a"]}, {"output": OUTPUT, "reuse": "never"})
    assert methods(provider) == ["json_schema", "tool", "prompt"] * 2 + ["prompt"]


def ignores_every_method(request: RecordedRequest) -> Fault:
    """Answer in prose but where the instruction asks for JSON, as a server that drops unknown parameters."""
    is_asked = method_of(request.body) == "prompt" and request.body["messages"][0]["role"] == "system"
    return Fault(status=200, body=said(f"Sure!\n```json\n{FITS}\n```" if is_asked else "It is warm."))


@pytest.mark.parametrize("number", [1, 8, 200])
def test_the_first_rows_reach_the_third_method_too(provider: OfflineProvider, number: int) -> None:
    """0 of 1 and 0 of 8 rows were answered, and 136 of 200, the same on every run."""
    provider.behaviour.faults = ignores_every_method
    cells = {"q": [f"question {row}" for row in range(number)]}
    rows = predict(provider, cells, {"output": OUTPUT, "concurrency": 8})
    assert rows["tone"].tolist() == ["warm"] * number
    assert len(bodies(provider)) <= number + 2 * 8
    assert {evidence["prompt_tokens"] for evidence in rows["answer_evidence"]} == (
        {30} if number <= 8 else {10, 30}
    )


@pytest.mark.parametrize(("number", "again"), [(1, "json_schema"), (2, "json_schema"), (3, "prompt")])
def test_prose_for_a_few_rows_teaches_nothing(provider: OfflineProvider, number: int, again: str) -> None:
    """A model may write prose to one row of many; a method is given up for a week after three."""
    provider.behaviour.faults = ignores_every_method
    cells = {"q": [f"question {row}" for row in range(number)]}
    predict(provider, cells, {"output": OUTPUT, "concurrency": 8})
    before = len(bodies(provider))
    predict(provider, {"q": ["another"]}, {"output": OUTPUT})
    assert methods(provider)[before] == again


def test_a_row_that_gets_no_json_by_a_proven_method_is_asked_by_an_instruction(
    provider: OfflineProvider,
) -> None:
    """A server that drops the parameter answers some rows in JSON by chance, and the others never."""

    def by_chance(request: RecordedRequest) -> Fault:
        is_lucky = request.body["messages"][-1]["content"] == "lucky"
        return Fault(status=200, body=said(FITS)) if is_lucky else ignores_every_method(request)

    provider.behaviour.faults = by_chance
    rows = predict(provider, {"q": ["lucky", "a", "b"]}, {"output": OUTPUT})
    assert rows["tone"].tolist() == ["warm"] * 3
    assert methods(provider) == ["json_schema"] + ["json_schema", "json_schema", "prompt"] * 2


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more "
            "details.",
            "type": "invalid_request_error",
            "code": "json_validate_failed",
            "failed_generation": "It is",
        },
        {"message": "Generated JSON does not match the schema", "code": "json_validate_failed"},
        {"message": "Failed to call a function", "code": "tool_use_failed"},
    ],
)
def test_a_text_that_the_provider_could_not_use_gets_its_second_try(
    provider: OfflineProvider, error: dict[str, Any]
) -> None:
    """Groq checks the model's text itself; its 400 is about this text, not about the method."""
    provider.behaviour.faults = one_by_one(Fault(status=400, body={"error": error}), said(FITS), said(FITS))
    rows = predict(provider, {"q": ["a", "b"]}, {"output": OUTPUT})
    assert rows["tone"].tolist() == ["warm"] * 2
    assert methods(provider) == ["json_schema"] * 3
    asked_again = bodies(provider)[1]["messages"][-1]["content"]
    assert asked_again.startswith("This cannot be used: the model did not write JSON that fits.")


def test_a_text_that_the_provider_could_not_use_twice_is_the_rows_failure(
    provider: OfflineProvider,
) -> None:
    """The reason says what was tried."""
    fault = Fault(status=400, body={"error": {"message": "Failed to generate JSON.", "code": "x"}})
    row = ask(provider, fault, fault)
    assert row["answer_error"] == (
        "the answer does not fit output, and neither did the one before it: the model did not write JSON "
        "that fits"
    )
    assert len(bodies(provider)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body={"error": {"message": NO_SCHEMA, "code": 400}}),
        Fault(status=200, body={"error": {"message": NO_SCHEMA}}),
        Fault(status=500, body={"detail": NO_SCHEMA}),
        Fault(status=422, body={"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs"}]}),
        Fault(status=400, body=[{"error": {"message": NO_SCHEMA, "status": "INVALID_ARGUMENT"}}]),
        Fault(status=400, body={"error": json.dumps({"error": {"message": NO_SCHEMA}})}),
    ],
)
def test_a_refusal_in_any_shape_steps_down(provider: OfflineProvider, fault: Fault) -> None:
    """The words count, wherever a server puts them."""
    replies = {"json_schema": fault, "tool": refused(NO_TOOLS, 404)}
    provider.behaviour.faults = lambda request: replies.get(
        method_of(request.body), Fault(status=200, body=said(FITS))
    )
    rows = predict(provider, {"q": ["a"]}, {"output": OUTPUT})
    assert rows["tone"].tolist() == ["warm"]


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


TOO_LONG = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 132166 tokens "
    "(including 317 in the response_format schemas.). Please reduce the length of the messages or schemas."
)


@pytest.mark.parametrize(("place", "words"), [(0, TOO_LONG), (2, TOO_LONG), (2, NO_SCHEMA)])
def test_an_error_of_one_row_does_not_change_the_method_of_the_others(
    place: int, words: str, provider: OfflineProvider
) -> None:
    """It may speak of schemas, and a method by which there was JSON is one that the provider knows."""
    texts = ["a", "b", "c", "d"]
    texts[place] = "LONG"

    def faults(request: RecordedRequest) -> Fault:
        is_long = "LONG" in str(request.body["messages"]) and method_of(request.body) != "prompt"
        return refused(words) if is_long else Fault(status=200, body=said(FITS))

    provider.behaviour.faults = faults
    rows = predict(provider, {"q": texts}, {"output": OUTPUT})
    assert rows["tone"].tolist() == ["warm"] * 4
    others = [method_of(body) for body in bodies(provider) if "LONG" not in str(body["messages"])]
    assert others == ["json_schema"] * 3
