"""Which answer and which evidence a reply becomes."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_handler.errors import InvalidResponseError
from portkey_handler.operations.responses import read_chat, read_completion
from portkey_handler.records import Evidence, Outcome, Response, is_cut_off


def chat(message: Any, *, as_json: bool = False, finish: str | None = "stop", **further: Any) -> Outcome:
    """Read a chat completion of one choice."""
    body = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **further}
    return read_chat(Response(200, body), as_json=as_json)


def said(content: Any, **further: Any) -> tuple[Any, str | None]:
    """Give the value of a message's content, and why there is none."""
    answer = chat({"role": "assistant", "content": content}, **further)
    return answer.value, answer.reason


def call(name: str, arguments: Any) -> dict[str, Any]:
    """Give a tool call as OpenAI writes it."""
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


# Text


@pytest.mark.parametrize("text", ["Paris.", "日本 🙂 é", " \n", "null", '{"a": 1}', "x" * 100_000])
def test_text_is_the_answer_as_it_is(text: str) -> None:
    """Nothing is stripped, decoded or cut."""
    assert said(text) == (text, None)


def test_text_in_parts_is_put_together() -> None:
    """Some providers divide the text; parts of other kinds have none."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "日"},
        {"type": "text", "text": None},
        "loose",
        {"type": "text", "text": "本"},
    ]
    assert said(parts) == ("日loose本", None)


@pytest.mark.parametrize(("content", "text"), [
    (["The text ", "in a list."], "The text in a list."),
    ({"type": "text", "text": "Hi"}, "Hi"),
    ({"text": "Hi"}, "Hi"),
    ([{"text": {"value": "Hi", "annotations": []}}], "Hi"),
    ({"parts": [{"text": "Hi"}], "role": "model"}, "Hi"),
    ({"tone": "warm", "é": 1}, '{"tone":"warm","é":1}'),
    ([{"tone": "warm"}], '[{"tone":"warm"}]'),
    (42, "42"),
    (0, "0"),
    (-1.5, "-1.5"),
    (True, "true"),
    ([], ""),
    ([{"type": "text", "text": ""}], ""),
])  # fmt: skip
def test_content_of_other_types_is_an_answer(content: Any, text: str) -> None:
    """Some servers parse the model's text, or nest it; a number was a TypeError that ended the query."""
    assert said(content) == (text, None)


@pytest.mark.parametrize("content", [{"type": "image_url"}, [{"type": "image_url", "image_url": {}}]])
def test_a_part_of_another_kind_is_no_text(content: Any) -> None:
    """It is neither taken for JSON that a server has parsed, nor for a text."""
    assert said(content) == ("", None)


@pytest.mark.parametrize(("message", "reasoning"), [
    ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                  {"type": "text", "text": "Yes"}]}, "hm"),  # Mistral
    ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Yes"}]}, "hm"),  # Anthropic
    ({"content": "Yes", "reasoning_content": "hm"}, "hm"),  # DeepSeek, vLLM
    ({"content": "Yes", "reasoning": "hm"}, "hm"),  # OpenRouter, Groq
    ({"content": "Yes", "reasoning": {"effort": 1}}, None),
    ({"content": "Yes", "reasoning_content": None}, None),
    ({"content": "Yes", "reasoning_content": "x" * 5000}, "x" * 2000),
])  # fmt: skip
def test_reasoning_beside_the_answer_stands_in_the_evidence(
    message: dict[str, Any], reasoning: str | None
) -> None:
    """It has its own part or field, and is no part of the answer."""
    answer = chat(message)
    assert (answer.value, answer.evidence.reasoning) == ("Yes", reasoning)


def test_text_that_is_cut_off_is_an_answer() -> None:
    """What was paid comes back; the evidence says that it was cut, and so does the summary."""
    answer = chat({"content": "It is"}, finish="length")
    assert (answer.value, answer.reason, answer.evidence.finish_reason) == ("It is", None, "length")


@pytest.mark.parametrize(("message", "finish", "reason"), [
    ({"content": None, "refusal": "I cannot help."}, "stop", "the model refused"),
    ({"content": "", "refusal": "I cannot help."}, "stop", "the model refused"),
    ({"content": None}, "length", "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ({"content": ""}, "length", "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ({"content": None}, "content_filter", "the provider's content filter held the answer back"),
    ({"content": ""}, "content_filter", "the provider's content filter held the answer back"),
    ({"content": ""}, "max_tokens", "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ({"content": ""}, "MAX_TOKENS", "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ({"content": ""}, "SAFETY", "the provider's content filter held the answer back"),
    ({"content": ""}, "refusal", "the model refused"),
    ({"content": None}, "stop", "the model gave no text"),
    ({"role": "assistant"}, "stop", "the model gave no text"),
    ({"content": None, "tool_calls": [], "function_call": None}, "stop", "the model gave no text"),
])  # fmt: skip
def test_no_text_has_a_reason(message: dict[str, Any], finish: str, reason: str) -> None:
    """A refusal, a content filter and max_tokens that ran out are told apart, in every provider's words."""
    answer = chat(message, finish=finish)
    assert (answer.value, answer.reason, answer.evidence.finish_reason) == (None, reason, finish)


@pytest.mark.parametrize("content", ["", [], [{"type": "text", "text": ""}]])
def test_an_empty_text_is_an_answer(content: Any) -> None:
    """A model that has nothing to say has said so: an empty text, which is not NULL."""
    assert said(content) == ("", None)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("content_filter", "the provider's content filter held the answer back"),
        (
            "content_filter: RECITATION",
            "the provider's content filter held the answer back (finish reason content_filter: RECITATION)",
        ),
        (
            "PROHIBITED_CONTENT",
            "the provider's content filter held the answer back (finish reason PROHIBITED_CONTENT)",
        ),
        (
            "FINISH_REASON_SAFETY",
            "the provider's content filter held the answer back (finish reason FINISH_REASON_SAFETY)",
        ),
        ("sensitive", "the provider's content filter held the answer back (finish reason sensitive)"),
        ("refusal", "the model refused"),
        (
            "MALFORMED_FUNCTION_CALL",
            "the model failed to write an answer (finish reason MALFORMED_FUNCTION_CALL)",
        ),
        (
            "function_call_filter: UNEXPECTED_TOOL_CALL",
            "the model failed to write an answer (finish reason function_call_filter: UNEXPECTED_TOOL_CALL)",
        ),
        (
            "insufficient_system_resource",
            "the provider failed while the answer was written (finish reason insufficient_system_resource)",
        ),
        ("error", "the provider failed while the answer was written"),
    ],
)
def test_a_failed_generation_is_no_answer(finish: str, reason: str) -> None:
    """Half a text was kept as the answer of its row."""
    answer = chat({"content": "Half", "refusal": None}, finish=finish)
    assert (answer.value, answer.reason, answer.evidence.finish_reason) == (None, reason, finish)
    text = read_completion(Response(200, {"choices": [{"text": "Half", "finish_reason": finish}]}))
    assert (text.value, text.reason) == (None, reason)


@pytest.mark.parametrize(
    "finish", ["stop", "STOP", "end_turn", "eos", "COMPLETE", "tool_calls", "something_new", None]
)
def test_other_finish_reasons_leave_the_answer(finish: str | None) -> None:
    """One that is not known stands in the evidence."""
    answer = chat({"content": "All"}, finish=finish)
    assert (answer.value, answer.evidence.finish_reason) == ("All", finish)


@pytest.mark.parametrize(
    "finish",
    ["length", "MAX_TOKENS", "model_length", "model_context_window_exceeded", "context_length_exceeded"],
)
def test_words_for_a_full_context_count_as_cut_off(finish: str) -> None:
    """As max_tokens does."""
    assert is_cut_off(finish)
    assert chat({"content": "Half"}, finish=finish).value == "Half"


# Reasoning in the text


@pytest.mark.parametrize(
    ("content", "answer", "reasoning"),
    [
        ("<think>Hm.\nYes.</think>\n\nParis", "Paris", "Hm.\nYes."),
        ("\n<thinking>a</thinking>b", "b", "a"),
        ("<THINK></THINK>b", "b", ""),
        ("Let me see.\n</think>\n\nParis", "Paris", "Let me see."),
        ("Write <think> before it.", "Write <think> before it.", None),
        ("a <think>b</think> c", "a <think>b</think> c", None),
        ("Paris", "Paris", None),
        ("◁think▷Hm.◁/think▷Paris", "Paris", "Hm."),  # Kimi
        ("<seed:think>Hm.</seed:think>Paris", "Paris", "Hm."),  # Seed-OSS
        (  # Cohere
            "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Paris<|END_RESPONSE|>",
            "Paris",
            "Hm.",
        ),
        (  # gpt-oss, as it writes
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Paris<|return|>",
            "Paris",
            "Hm.",
        ),
        ("<|channel|>final<|message|>Paris", "Paris", ""),
        (
            "<|start|>assistant<|channel|>final <|constrain|>json<|message|>Paris<|end|>",
            "Paris",
            "",
        ),
        ("analysisThe user asks.assistantfinalParis", "Paris", "The user asks."),  # without its marks
        ("analysis of the text: good", "analysis of the text: good", None),
        ("Write <|channel|> before it.", "Write <|channel|> before it.", None),
    ],
)
def test_reasoning_before_the_answer_is_no_part_of_it(
    content: str, answer: str, reasoning: str | None
) -> None:
    """It stands in the evidence."""
    found = chat({"content": content})
    assert (found.value, found.evidence.reasoning) == (answer, reasoning)


def test_blanks_without_end_behind_the_reasoning_are_read() -> None:
    """Small models write them until max_tokens; looking for a mark after each of them held the query up."""
    blanks = " \n" * 150_000
    found = chat({"content": f"<think>Hm.</think>{blanks}a{blanks}b<|END_RESPONSE|>{blanks}"})
    assert found.value == f"a{blanks}b"


def test_reasoning_is_no_part_of_json() -> None:
    """Neither is a fence around all of it."""
    text = '<think>An object?</think>```json\n{"a": 1}\n```'
    assert chat({"content": text}, as_json=True).value == {"a": 1}


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("length", "max_tokens ran out before the reasoning ended; raise max_tokens"),
        ("stop", "the model's reasoning (<think>) has no end, and no answer behind it"),
    ],
)
def test_reasoning_without_an_end_is_no_answer(finish: str, reason: str) -> None:
    """It was kept as the answer of its row."""
    found = chat({"content": "<think>Hm, let me"}, finish=finish)
    assert (found.value, found.reason, found.evidence.reasoning) == (None, reason, "Hm, let me")


def test_a_channel_without_an_answer_is_no_answer() -> None:
    """gpt-oss ran out of tokens while it reasoned."""
    found = chat({"content": "<|channel|>analysis<|message|>Hm, let me"}, finish="length")
    assert (found.value, found.reason, found.evidence.reasoning) == (
        None,
        "max_tokens ran out before the reasoning ended; raise max_tokens",
        "Hm, let me",
    )


def test_reasoning_without_an_answer_behind_it() -> None:
    """As a reply without a text."""
    assert chat({"content": "<think>Hm.</think>"}).value == ""


# Tools


def test_one_call_is_an_object() -> None:
    """Name and arguments, which are JSON in a text, become one object; text beside it is passed over."""
    message = {"content": "Let me see.", "tool_calls": [call("weather", '{"city": "Zürich", "days": 2}')]}
    answer = chat(message, finish="tool_calls")
    assert answer.value == {"name": "weather", "arguments": {"city": "Zürich", "days": 2}}
    assert (answer.reason, answer.evidence.finish_reason) == (None, "tool_calls")


def test_several_calls_are_a_list() -> None:
    """In the model's order."""
    message = {"content": None, "tool_calls": [call("a", "{}"), call("b", '{"x": [1]}')]}
    assert chat(message).value == [{"name": "a", "arguments": {}}, {"name": "b", "arguments": {"x": [1]}}]


def test_the_old_function_call_is_one_call() -> None:
    """As models answer that were asked with `functions`."""
    message = {"content": None, "function_call": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    assert chat(message, finish="function_call").value == {"name": "weather", "arguments": {"city": "Oslo"}}


@pytest.mark.parametrize("arguments", ['{"city": "Os', "", "Oslo"])
def test_arguments_that_are_no_json_stay_what_the_model_wrote(arguments: str) -> None:
    """Cut off or made up: it was paid, and somebody may mend it."""
    answer = chat({"tool_calls": [call("weather", arguments)]}, finish="length")
    assert answer.value == {"name": "weather", "arguments": arguments}


def test_arguments_that_are_an_object_already_stay_one() -> None:
    """Some providers do not write them as text."""
    assert chat({"tool_calls": [call("f", {"a": 1})]}).value == {"name": "f", "arguments": {"a": 1}}


# JSON mode


@pytest.mark.parametrize(("text", "value"), [
    ('{"stars": 5, "of": ["日"]}', {"stars": 5, "of": ["日"]}),
    (" [1, 2.5]\n", [1, 2.5]),
    ("false", False),
    ("null", None),
])  # fmt: skip
def test_json_mode_gives_what_the_text_holds(text: str, value: Any) -> None:
    """An object is an object, not its text."""
    assert said(text, as_json=True) == (value, None)


def test_json_in_parts_is_read_whole() -> None:
    """Parts are put together before they are read."""
    parts = [{"type": "text", "text": '{"a":'}, {"type": "text", "text": " 1}"}]
    assert said(parts, as_json=True) == ({"a": 1}, None)


@pytest.mark.parametrize(("text", "finish", "reason"), [
    (
        "Sure: {}",
        "stop",
        "the model's text cannot be used as JSON, which response_format asked for: it is not JSON",
    ),
    ('{"a": 1', "length", "max_tokens ran out before the JSON was complete; raise max_tokens"),
    ('{"a": 1', "max_tokens", "max_tokens ran out before the JSON was complete; raise max_tokens"),
    ("", "length", "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ("", "content_filter", "the provider's content filter held the answer back"),
    ("", "stop", "the model gave no text"),
])  # fmt: skip
def test_json_mode_without_json_has_a_reason(text: str, finish: str, reason: str) -> None:
    """What is no JSON is no answer, and neither is an empty text."""
    assert said(text, as_json=True, finish=finish) == (None, reason)


# Completions


@pytest.mark.parametrize(("text", "finish", "value", "reason"), [
    (" is in Sweden", "stop", " is in Sweden", None),
    (" is", "length", " is", None),
    ("", "stop", "", None),
    ("", "length", None, "max_tokens ran out before the model wrote any text; raise max_tokens"),
    ("", "content_filter", None, "the provider's content filter held the answer back"),
    (None, "stop", None, "the model gave no text"),
    (["a", "b"], "stop", "ab", None),
    (7, "stop", "7", None),
])  # fmt: skip
def test_a_completions_text(text: Any, finish: str, value: Any, reason: str | None) -> None:
    """Text, empty text and the reasons for none are those of a chat."""
    answer = read_completion(Response(200, {"choices": [{"text": text, "finish_reason": finish}]}))
    assert (answer.value, answer.reason, answer.evidence.finish_reason) == (value, reason, finish)


# What is no answer at all


@pytest.mark.parametrize(("body", "shape"), [
    ({}, "an object with nothing in it"),
    ({"choices": []}, "an object with choices"),
    ({"choices": [{}], "id": "x"}, "an object with choices, id"),
    ({"choices": [{"message": None}]}, "an object with choices"),
    ({"choices": [{"message": "Hi"}]}, "an object with choices"),
    ({"choices": [None]}, "an object with choices"),
    ({"choices": "no"}, "an object with choices"),
    ([], "list"),
    (None, "NoneType"),
    ("Hi", "str"),
])  # fmt: skip
def test_another_shape_is_malformed(body: Any, shape: str) -> None:
    """The error says what there was instead, never its content."""
    reply = Response(200, body, Evidence(request_id="r-1"))
    with pytest.raises(
        InvalidResponseError, match=rf"^the reply is not a chat completion: {shape}$"
    ) as caught:
        read_chat(reply)
    assert caught.value.status == 200
    assert caught.value.evidence.request_id == (body["id"] if shape.endswith("id") else "r-1")
    with pytest.raises(InvalidResponseError, match=r"^the reply is not a completion: "):
        read_completion(reply)


# The evidence


def test_evidence_of_a_chat() -> None:
    """What the provider and the gateway tell stands beside the answer."""
    logprobs = {"content": [{"token": "Hi", "logprob": -0.25}]}
    body = {
        "id": "chatcmpl-9",
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_1",
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop", "logprobs": logprobs}],
        "usage": {
            "prompt_tokens": 24,
            "completion_tokens": 7,
            "total_tokens": 31,
            "prompt_tokens_details": {"cached_tokens": 16},
        },
    }
    known = Evidence(
        status=200,
        provider="openai",
        target="config.targets[1]",
        gateway_attempts=2,
        cache_status="MISS",
        request_id="req-1",
    )
    assert read_chat(Response(200, body, known)).evidence.as_dict() == {
        "status": 200,
        "finish_reason": "stop",
        "model": "gpt-4o-mini-2024-07-18",
        "provider": "openai",
        "target": "config.targets[1]",
        "prompt_tokens": 24,
        "completion_tokens": 7,
        "total_tokens": 31,
        "cached_tokens": 16,
        "attempts": 0,  # whoever sends counts them
        "gateway_attempts": 2,
        "cache_status": "MISS",
        "request_id": "chatcmpl-9",
        "system_fingerprint": "fp_1",
        "logprobs": logprobs,
    }


def test_usage_under_anthropics_names() -> None:
    """Input and output tokens are the same counts under other names."""
    evidence = chat({"content": "Hi"}, usage={"input_tokens": 4, "output_tokens": 2}).evidence
    assert (evidence.prompt_tokens, evidence.completion_tokens, evidence.total_tokens) == (4, 2, None)


@pytest.mark.parametrize("usage", [None, {}, [], "many", {"prompt_tokens_details": None}])
def test_usage_may_be_missing(usage: Any) -> None:
    """A provider that does not count gives an answer all the same."""
    evidence = chat({"content": "Hi"}, usage=usage).evidence
    assert (evidence.prompt_tokens, evidence.total_tokens, evidence.cached_tokens) == (None, None, None)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, (10, 5, None)),
        # Gemini and xAI: the reasoning is beside the answer.
        ({"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 4022}, (20, 4002, None)),
        # OpenAI: it is part of the answer.
        ({"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420, "completion_tokens_details": {"reasoning_tokens": 390}}, (20, 400, None)),
        # Anthropic by the gateway, with and without the cache in the total, and Anthropic itself.
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15015, "cache_read_input_tokens": 10000, "cache_creation_input_tokens": 5000}, (15010, 5, 10000)),
        ({"prompt_tokens": 15010, "completion_tokens": 5, "total_tokens": 15015, "cache_read_input_tokens": 10000, "cache_creation_input_tokens": 5000}, (15010, 5, 10000)),
        ({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0}, (110, 5, 100)),
        # /responses.
        ({"input_tokens": 100, "output_tokens": 5, "total_tokens": 105, "input_tokens_details": {"cached_tokens": 90}}, (100, 5, 90)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}, (110, 5, 100)),
        ({"prompt_tokens": 7, "total_tokens": 7}, (7, None, None)),
        ({"total_tokens": 7}, (None, None, None)),
    ],
)  # fmt: skip
def test_every_token_that_is_paid_is_counted(usage: Any, counted: tuple[int | None, ...]) -> None:
    """max_cost stands on it."""
    body = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    evidence = read_chat(Response(200, body)).evidence
    assert evidence is not None
    assert (evidence.prompt_tokens, evidence.completion_tokens, evidence.cached_tokens) == counted


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        ({"prompt_tokens": 10, "cache_creation_input_tokens": 5000}, 5000),
        ({"prompt_tokens": 10, "cache_creation_input_tokens": 0}, None),
        ({"prompt_tokens": 10, "cache_creation_input_tokens": "many"}, None),
        # OpenRouter counts it within the prompt.
        ({"prompt_tokens": 6000, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 5000}}, 5000),
        ({"prompt_tokens": 10, "prompt_tokens_details": None}, None),
    ],
)  # fmt: skip
def test_what_is_written_to_a_prompt_cache_is_counted(usage: Any, written: int | None) -> None:
    """It has a price of its own."""
    evidence = read_chat(Response(200, {"choices": [{"message": {"content": "x"}}], "usage": usage})).evidence
    assert evidence is not None
    assert evidence.cache_write_tokens == written


@pytest.mark.parametrize(
    "message",
    [
        {"content": "I'm sorry", "refusal": "I cannot do that"},
        {"content": [{"type": "refusal", "refusal": "no"}]},
        {"content": None, "refusal": "no"},
    ],
)
def test_a_refusal_is_no_answer_with_text_or_without(message: Any) -> None:
    """The text beside it, if any, says that there is none."""
    outcome = read_chat(Response(200, {"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert (outcome.value, outcome.reason, outcome.failed) == (None, "the model refused", True)


@pytest.mark.parametrize(
    "content",
    [
        "[THINK]hmm[/THINK]Paris",
        {"parts": [{"text": "hmm", "thought": True}, {"text": "Paris"}]},
    ],
)
def test_reasoning_of_magistral_and_gemini_is_no_part_of_the_answer(content: Any) -> None:
    """It is kept as evidence."""
    outcome = read_chat(Response(200, {"choices": [{"message": {"content": content}}]}))
    assert outcome.value == "Paris"
    assert outcome.evidence is not None
    assert outcome.evidence.reasoning == "hmm"


def test_a_completion_has_no_reasoning_either() -> None:
    """One whose reasoning was cut off is no answer."""
    outcome = read_completion(Response(200, {"choices": [{"text": "<think>hm</think>Paris"}]}))
    assert outcome.value == "Paris"
    cut_off = read_completion(Response(200, {"choices": [{"text": "<think>a", "finish_reason": "length"}]}))
    assert cut_off.reason == "max_tokens ran out before the reasoning ended; raise max_tokens"
