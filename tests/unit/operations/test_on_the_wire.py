"""What goes out is what the SDK's own client sends for the same call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.sdk import ADDED, ENGINE, Call, assert_same, ours, sdk

from portkey_handler.gateway.offline import OfflineProvider

#: From Portkey's documentation.
TEST_CHAT = [{"role": "user", "content": "Say this is a test"}]
#: What ToolJet's documentation shows the answer of, as the array of messages that it asks for.
CAPITAL = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
LINKEDIN = "Write a short LinkedIn post announcing a new AI integration feature in ToolJet."
IMAGE = "data:image/png;base64,iVBORw0KGgo="
TOOLS = [
    {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}},
    }
]
TWO_TEXTS = ["The food was delicious.", "日本 🙂"]


CALLS: dict[str, tuple[Call, dict[str, Any], dict[str, Any]]] = {
    "chat, Portkey's example": (
        lambda client: client.chat.completions.create(model="gpt-4", messages=TEST_CHAT),
        {"model": "gpt-4", "messages": TEST_CHAT, "max_tokens": None},
        {"row": [1]},
    ),
    "chat, ToolJet's example": (
        lambda client: client.chat.completions.create(
            model="gpt-4o-mini",
            messages=CAPITAL,
            max_tokens=50,
            temperature=0.7,
            stop=["\n\n", "END"],
            presence_penalty=0.5,
        ),
        {
            "model": "gpt-4o-mini",
            "messages": json.dumps(CAPITAL),
            "max_tokens": "50",
            "temperature": "0.7",
            "stop_sequences": ["\n\n", "END"],
            "other_parameters": {"presence_penalty": 0.5},
        },
        {"row": [1]},
    ),
    "chat, a column": (
        lambda client: client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "日本 {{ a }}"}], max_tokens=100
        ),
        {"model": "gpt-4o-mini", "column": "question"},
        {"question": ["日本 {{ a }}"]},
    ),
    "chat, types of numbers": (
        lambda client: client.chat.completions.create(
            model="m",
            messages=TEST_CHAT,
            max_completion_tokens=7,
            temperature=1,
            top_p=1.0,
            presence_penalty=-0.5,
            frequency_penalty=0,
            seed=2**53,
            logprobs=True,
            top_logprobs=2,
            logit_bias={"50256": -100},
            user="u",
        ),
        {
            "model": "m",
            "messages": TEST_CHAT,
            "max_completion_tokens": 7,
            "temperature": 1,
            "top_p": 1.0,
            "presence_penalty": "-0.5",
            "frequency_penalty": 0,
            "seed": str(2**53),
            "logprobs": True,
            "top_logprobs": 2,
            "logit_bias": '{"50256": -100}',
            "user": "u",
        },
        {"row": [1]},
    ),
    "chat, tools and JSON mode": (
        lambda client: client.chat.completions.create(
            model="m",
            messages=TEST_CHAT,
            max_tokens=9,
            tools=TOOLS,
            tool_choice="auto",
            parallel_tool_calls=False,
            response_format={"type": "json_object"},
        ),
        {
            "model": "m",
            "messages": TEST_CHAT,
            "max_tokens": 9,
            "tools": TOOLS,
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "response_format": {"type": "json_object"},
        },
        {"row": [1]},
    ),
    "chat, an image": (
        lambda client: client.chat.completions.create(
            model="m",
            max_tokens=100,
            messages=[
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": IMAGE}},
                    ],
                },
            ],
        ),
        {"model": "m", "column": "q", "image_column": "picture", "system_prompt": "Be brief."},
        {"q": ["What is this?"], "picture": [IMAGE]},
    ),
    "completion, ToolJet's example": (
        lambda client: client.completions.create(
            model="gpt-4o-mini", prompt=LINKEDIN, max_tokens=10, temperature=0.0, stop=["\n"], best_of=2
        ),
        {
            "mode": "completion",
            "model": "gpt-4o-mini",
            "max_tokens": 10,
            "temperature": 0.0,
            "stop_sequences": ["\n"],
            "other_parameters": {"best_of": 2},
        },
        {"prompt": [LINKEDIN]},
    ),
    "embedding": (
        lambda client: client.embeddings.create(
            model="text-embedding-3-small", input=TWO_TEXTS, encoding_format="float"
        ),
        {"mode": "embedding", "model": "text-embedding-3-small", "encoding_format": "float"},
        {"text": TWO_TEXTS},
    ),
    "embedding, dimensions": (
        lambda client: client.embeddings.create(
            model="m", input=TWO_TEXTS, encoding_format="base64", dimensions=3, user="u"
        ),
        {"mode": "embedding", "model": "m", "encoding_format": "base64", "dimensions": "3", "user": "u"},
        {"text": TWO_TEXTS},
    ),
    "moderations": (
        lambda client: client.moderations.create(model="omni-moderation-latest", input="I want to kill them"),
        {
            "mode": "request",
            "path": "/moderations",
            "body": {"input": "{{ text }}"},
            "model": "omni-moderation-latest",
        },
        {"text": ["I want to kill them"]},
    ),
    "responses": (
        lambda client: client.responses.create(
            model="m", input="Hi", max_output_tokens=3, temperature=0.5, instructions="Be brief."
        ),
        {
            "mode": "request",
            "path": "/responses",
            "body": {"input": "{{ text }}", "instructions": "Be brief.", "max_output_tokens": 3},
            "parameters": {"temperature": 0.5},
            "model": "m",
        },
        {"text": ["Hi"]},
    ),
    "rerank": (
        lambda client: client.post(
            "/rerank", model="rerank-v3.5", query="blue", documents=["sky", "blue sky"], top_n=1
        ),
        {
            "mode": "request",
            "path": "/rerank",
            "model": "rerank-v3.5",
            "body": {"query": "{{ q }}", "documents": "{{ documents }}", "top_n": "{{ n }}"},
        },
        {"q": ["blue"], "documents": [["sky", "blue sky"]], "n": [1]},
    ),
}


@pytest.mark.parametrize(("call", "using", "cells"), CALLS.values(), ids=CALLS)
def test_the_request_is_the_sdks(
    call: Call, using: dict[str, Any], cells: dict[str, Any], provider: OfflineProvider
) -> None:
    """Path, JSON body with the types of its numbers, and headers are those of the SDK's client."""
    assert_same(ours(provider, using, cells), sdk(provider, call))


def test_a_saved_prompts_request_is_the_sdks(provider: OfflineProvider) -> None:
    """So it is for prompts, apart from `stream: false`, which is what the gateway takes it for anyway."""
    variables = {"name": "Ada", "note": "x {{ y }}", "n": 3}
    theirs = sdk(
        provider,
        lambda client: client.prompts.completions.create(
            prompt_id="pp-summary-1", variables=variables, max_tokens=5, temperature=0.5
        ),
    )
    using = {
        "mode": "prompt",
        "prompt_id": "pp-summary-1",
        "variables": {"name": "{{ who }}", "note": "{{ note }}", "n": 3},
        "max_tokens": 5,
        "temperature": 0.5,
    }
    sent = ours(provider, using, {"who": ["Ada"], "note": ["x {{ y }}"]})
    assert theirs.body.pop("stream") is False
    assert_same(sent, theirs)


def test_empty_variables_are_sent_though_the_sdk_drops_them(provider: OfflineProvider) -> None:
    """A prompt may say what to do with an empty variable; one that is not sent is an error to it."""
    theirs = sdk(
        provider,
        lambda client: client.prompts.completions.create(
            prompt_id="p", variables={"name": "Ada", "note": ""}, max_tokens=5
        ),
    )
    using = {"mode": "prompt", "prompt_id": "p", "variables": ["name", "note"], "max_tokens": 5}
    sent = ours(provider, using, {"name": ["Ada"], "note": [""]})
    assert theirs.body["variables"] == {"name": "Ada"}
    assert sent.body == {"variables": {"name": "Ada", "note": ""}, "max_tokens": 5}


def test_what_we_add_to_the_metadata(provider: OfflineProvider) -> None:
    """The gateway's logs tell where a request comes from, beside what the engine says."""
    request = ours(provider, {"model": "m"}, {"q": ["Hi"]})
    assert json.loads(request.headers["x-portkey-metadata"]) == {**ENGINE["metadata"], **ADDED}
    assert len(request.headers["x-portkey-span-id"]) == 16
