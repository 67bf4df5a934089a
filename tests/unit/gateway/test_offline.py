"""The stand-in provider, asked over real HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import math
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.http import Response, get, post, request

from portkey_handler.gateway.offline import Behaviour, Fault, OfflineProvider

QUESTION = "Where is Stockholm located?"


def chat(provider: OfflineProvider, text: str = QUESTION, timeout: float = 30, **parameters: Any) -> Response:
    """Ask one question."""
    body = {"model": "claude-2.1", "messages": [{"role": "user", "content": text}], **parameters}
    return post(f"{provider.base_url}/chat/completions", body, timeout=timeout)


def content(reply: Response) -> str:
    """Give the text of a chat's answer."""
    text: str = reply.json["choices"][0]["message"]["content"]
    return text


# What it answers


def test_chat_is_openais_wire_format(provider: OfflineProvider) -> None:
    """A chat has one choice, a finish reason and usage that adds up."""
    reply = chat(provider)

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json["object"] == "chat.completion"
    (choice,) = reply.json["choices"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    usage = reply.json["usage"]
    assert usage["prompt_tokens"] == 4
    assert usage["completion_tokens"] == len(content(reply).split())
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_answer_says_that_no_model_wrote_it(provider: OfflineProvider) -> None:
    """Nobody can take the answer for a language model's, and it can be matched to its row."""
    assert content(chat(provider)).startswith("offline stand-in: 4 words, first: 'Where', ")
    assert content(chat(provider)).endswith(f" | {QUESTION}")


def test_answer_is_a_function_of_the_request(provider: OfflineProvider) -> None:
    """The same request gets the same bytes, another one gets others."""
    assert chat(provider).body == chat(provider).body != chat(provider, "Where is Oslo?").body


def test_long_texts_that_start_alike_are_told_apart(provider: OfflineProvider) -> None:
    """The echo stops after 200 characters; the digest covers the whole text."""
    one, other = content(chat(provider, "x" * 500 + "1")), content(chat(provider, "x" * 500 + "2"))

    assert one != other
    assert one.endswith("| " + "x" * 200)


def test_last_user_message_is_answered(provider: OfflineProvider) -> None:
    """System prompts and earlier turns are not echoed; parts of a message are."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "…"},
        {"role": "user", "content": [{"type": "text", "text": "last 日本"}, {"type": "image_url"}]},
    ]

    assert content(chat(provider, messages=messages)).endswith("| last 日本")


def test_answer_is_configurable(provider: OfflineProvider) -> None:
    """A test may say itself what is answered."""
    provider.behaviour.answer = lambda body: body["messages"][0]["content"].upper()

    assert content(chat(provider, "abc")) == "ABC"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "note"}}])
def test_a_tool_that_has_to_be_called_is_called(provider: OfflineProvider, choice: Any) -> None:
    """Its arguments fit what it asks for, whether it is named or the only one there is."""
    parameters = {"type": "object", "properties": {"text": {"type": "string"}, "words": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "note", "parameters": parameters}}

    reply = chat(provider, tools=[tool], tool_choice=choice)

    message = reply.json["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert (message["content"], call["function"]["name"]) == (None, "note")
    assert {name: type(value) for name, value in json.loads(call["function"]["arguments"]).items()} == {
        "text": str,
        "words": int,
    }


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_answer_is_cut_at_the_limit(provider: OfflineProvider, name: str) -> None:
    """An answer with more words than allowed is cut there and says `length`."""
    provider.behaviour.answer = lambda _: "one  two\nthree four"

    reply = chat(provider, **{name: 3})

    assert content(reply) == "one  two\nthree"
    assert reply.json["choices"][0]["finish_reason"] == "length"
    assert reply.json["usage"]["completion_tokens"] == 3
    assert chat(provider, **{name: 4}).json["choices"][0]["finish_reason"] == "stop"


def test_completions(provider: OfflineProvider) -> None:
    """A list of prompts gets one choice each, in order."""
    reply = post(f"{provider.base_url}/completions", {"model": "m", "prompt": ["a", "b c"]})

    assert [choice["text"].partition(" | ")[2] for choice in reply.json["choices"]] == ["a", "b c"]
    assert [choice["index"] for choice in reply.json["choices"]] == [0, 1]
    assert reply.json["usage"]["prompt_tokens"] == 3


def test_embeddings(provider: OfflineProvider) -> None:
    """Vectors have unit length and the wanted dimensions, and depend on the text alone."""
    reply = post(f"{provider.base_url}/embeddings", {"model": "m", "input": ["a", "b", "a"], "dimensions": 5})

    one, other, again = (entry["embedding"] for entry in reply.json["data"])
    assert len(one) == 5
    assert math.isclose(math.hypot(*one), 1, abs_tol=1e-6)
    assert one == again != other


def test_embeddings_as_base64(provider: OfflineProvider) -> None:
    """Base64 holds the same 32-bit floats, little end first."""
    body = {"model": "m", "input": "a"}
    plain = post(f"{provider.base_url}/embeddings", body).json["data"][0]["embedding"]

    coded = post(f"{provider.base_url}/embeddings", {**body, "encoding_format": "base64"}).json["data"][0]

    floats = array("f", base64.b64decode(coded["embedding"]))
    assert floats.tolist() == plain


def test_anthropic_messages(provider: OfflineProvider) -> None:
    """Anthropic's format has content blocks, a stop reason, and needs max_tokens."""
    body = {"model": "claude-2.1", "max_tokens": 2, "messages": [{"role": "user", "content": QUESTION}]}

    reply = post(f"{provider.base_url}/messages", body)

    assert reply.json["content"] == [{"type": "text", "text": "offline stand-in:"}]
    assert reply.json["stop_reason"] == "max_tokens"
    assert reply.json["usage"] == {"input_tokens": 4, "output_tokens": 2}
    del body["max_tokens"]
    refused = post(f"{provider.base_url}/messages", body)
    assert (refused.status, refused.json["type"]) == (400, "error")
    assert refused.json["error"]["message"] == "max_tokens: Field required"


def test_hosted_prompts(provider: OfflineProvider) -> None:
    """A prompt of the hosted gateway is answered from its variables; it needs no model."""
    reply = post(f"{provider.base_url}/prompts/pp-1/completions", {"variables": {"city": "Oslo", "n": 2}})

    assert reply.status == 200
    assert content(reply).endswith("| Oslo\n2")
    assert reply.json["usage"]["prompt_tokens"] == 2


def test_responses(provider: OfflineProvider) -> None:
    """OpenAI's responses hold the same answer as a chat's in their own shape, and say where it was cut."""
    body = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]}

    whole = post(f"{provider.base_url}/responses", body).json
    assert whole["output"][0]["content"][0]["text"] == content(chat(provider))
    assert whole["status"] == "completed"
    assert post(f"{provider.base_url}/responses", {"model": "m", "input": QUESTION}).json == whole
    cut = post(f"{provider.base_url}/responses", {**body, "max_output_tokens": 2}).json
    assert cut["output"][0]["content"][0]["text"] == "offline stand-in:"
    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert cut["usage"] == {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6}


def test_moderations_judge_nothing(provider: OfflineProvider) -> None:
    """One result per text, nothing flagged, and the model's name says that there is none."""
    reply = post(f"{provider.base_url}/moderations", {"input": ["a", "b"]}).json

    assert [result["flagged"] for result in reply["results"]] == [False, False]
    assert set(reply["results"][0]["category_scores"].values()) == {0.0}
    assert reply["model"] == "offline-stand-in"
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a.test"}}]
    assert len(post(f"{provider.base_url}/moderations", {"input": parts}).json["results"]) == 1


def test_rerank_counts_words_in_common(provider: OfflineProvider) -> None:
    """The best come first, equals in their order, no more than top_n, and the reply says how it was done."""
    body = {"model": "m", "query": "blue sky", "documents": ["sea", "Blue sky", "a blue sea", "sky", "x"]}

    reply = post(f"{provider.base_url}/rerank", {**body, "top_n": 3}).json

    assert reply["results"] == [
        {"index": 1, "relevance_score": 1.0},
        {"index": 2, "relevance_score": 0.5},
        {"index": 3, "relevance_score": 0.5},
    ]
    assert reply["meta"]["warnings"] == ["offline-stand-in: words in common, no model"]
    assert len(post(f"{provider.base_url}/rerank", body).json["results"]) == 5


def test_models_and_root(provider: OfflineProvider) -> None:
    """The list of models and the root answer a GET."""
    assert "claude-2.1" in [model["id"] for model in get(f"{provider.base_url}/models").json["data"]]
    assert b"no language model" in get(provider.url).body


def test_one_megabyte_prompt(provider: OfflineProvider) -> None:
    """Prompts larger than the server library's limit of 1 MB arrive whole."""
    assert chat(provider, "word " * 400_000).json["usage"]["prompt_tokens"] == 400_000


# What it refuses


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/chat/completions", b"{", 400, "could not parse"),
        ("/chat/completions", {"messages": []}, 400, "you must provide a model"),
        ("/chat/completions", {"model": "m", "messages": []}, 400, "'messages'"),
        ("/chat/completions", {"model": "m", "max_tokens": "many"}, 400, "'max_tokens'"),
        ("/chat/completions", {"model": "m", "max_tokens": 0}, 400, "'max_tokens'"),
        ("/chat/completions", {"model": "m", "stream": True}, 400, "does not stream"),
        ("/completions", {"model": "m"}, 400, "'prompt'"),
        ("/embeddings", {"model": "m", "input": ["a", ""]}, 400, "input"),
        ("/embeddings", {"model": "m", "input": "a", "dimensions": 0}, 400, "dimensions"),
        ("/moderations", {"input": ["a", ""]}, 400, "input"),
        ("/rerank", {"model": "m", "query": "", "documents": ["a"]}, 400, "query"),
        ("/rerank", {"model": "m", "query": "q", "documents": []}, 400, "documents"),
        ("/rerank", {"model": "m", "query": "q", "documents": ["a"], "top_n": 0}, 400, "top_n"),
        ("/responses", {"model": "m", "input": ""}, 400, "'input'"),
        ("/responses", {"input": "a"}, 400, "you must provide a model"),
        ("/nonsense", {}, 404, "Invalid URL"),
    ],
)
def test_wrong_requests(provider: OfflineProvider, path: str, body: Any, status: int, message: str) -> None:
    """A request that a provider would refuse is refused, so that tests notice it."""
    reply = post(f"{provider.base_url}{path}", body)

    assert reply.status == status
    assert message in reply.json["error"]["message"]
    assert provider.answered == 0


def test_unknown_model(provider: OfflineProvider) -> None:
    """A model that does not exist gets OpenAI's 404."""
    provider.behaviour.unknown_models = {"claude-2.1"}

    reply = chat(provider)

    assert reply.status == 404
    assert reply.json["error"] == {
        "message": "The model 'claude-2.1' does not exist",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }


def test_model_that_wants_max_completion_tokens(provider: OfflineProvider) -> None:
    """Newer models refuse max_tokens in OpenAI's words."""
    provider.behaviour.completion_token_models = {"claude-2.1"}

    reply = chat(provider, max_tokens=9)

    assert reply.status == 400
    assert reply.json["error"]["message"] == (
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead."
    )
    assert chat(provider, max_completion_tokens=9).status == 200


@pytest.mark.parametrize(
    ("required", "header", "value"),
    [
        ("key", "authorization", "Bearer canary"),
        ("key", "x-api-key", "canary"),
        ("portkey_key", "x-portkey-api-key", "canary"),
    ],
)
def test_required_keys(provider: OfflineProvider, required: str, header: str, value: str) -> None:
    """A missing or wrong key gets 401, the right one an answer; the root needs none."""
    setattr(provider.behaviour, required, "canary")
    models = f"{provider.base_url}/models"

    assert get(models).status == get(models, {header: "wrong"}).status == chat(provider).status == 401
    assert get(models, {header: value}).status == get(provider.url).status == 200


# What goes wrong


def test_status_fault(provider: OfflineProvider) -> None:
    """A status comes with its headers and body, or with an error in OpenAI's shape."""
    provider.behaviour.faults = [
        Fault(status=429, headers={"retry-after": "7"}, body={"a": 1}),
        Fault(),
        None,
    ]

    first, second, third = chat(provider), chat(provider), chat(provider)

    assert (first.status, first.headers["retry-after"], first.json) == (429, "7", {"a": 1})
    assert (second.status, second.json["error"]["type"]) == (500, "server_error")
    assert (third.status, provider.answered) == (200, 1)


def test_faults_of_a_function(provider: OfflineProvider) -> None:
    """A function picks by what came in."""
    provider.behaviour.faults = lambda recorded: Fault(body=b"no") if recorded.number == 2 else None

    assert [chat(provider).status for _ in range(3)] == [200, 500, 200]


def test_list_of_faults_is_for_posts(provider: OfflineProvider) -> None:
    """A probe of the models does not use up a fault."""
    provider.behaviour.faults = [Fault()]

    assert get(f"{provider.base_url}/models").status == 200
    assert chat(provider).status == 500


def test_reset(provider: OfflineProvider) -> None:
    """A reset is seen as one, and the next request is served."""
    provider.behaviour.faults = [Fault("reset")]

    with pytest.raises(ConnectionResetError):
        chat(provider)
    assert chat(provider).status == 200


def test_malformed(provider: OfflineProvider) -> None:
    """A malformed body comes with status 200 and says that it is JSON."""
    provider.behaviour.faults = [Fault("malformed")]

    reply = chat(provider)

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="unexpected end"):
        _ = reply.json


@pytest.mark.parametrize("kind", ["stall", "stall_body"])
def test_stalls(provider: OfflineProvider, kind: Any) -> None:
    """A stall outlasts the client's patience; one that ends is followed by the whole answer."""
    provider.behaviour.faults = [Fault(kind), Fault(kind, seconds=0.01)]

    with pytest.raises(TimeoutError):
        chat(provider, timeout=0.2)
    assert content(chat(provider)).endswith(QUESTION)


def test_stall_in_the_body_has_sent_the_headers(provider: OfflineProvider) -> None:
    """Status and headers are there, half of the body is not."""
    provider.behaviour.faults = [Fault("stall_body")]
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=0.2)

    connection.request("POST", "/v1/completions", b'{"model": "m", "prompt": "a"}')
    reply = connection.getresponse()

    assert reply.status == 200
    with pytest.raises(TimeoutError):
        reply.read()
    connection.close()


def test_latency(provider: OfflineProvider) -> None:
    """Requests wait side by side, not one after the other."""
    provider.behaviour.latency = 0.2

    started = time.monotonic()
    many(8, lambda _: chat(provider))

    assert 0.2 <= time.monotonic() - started < 1
    assert provider.peak == 8


def test_rate_limit(provider: OfflineProvider) -> None:
    """What is above the rate gets 429 and is told when to come back."""
    provider.behaviour.requests_per_second = 2

    replies = [chat(provider) for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].headers["retry-after"] == "1"
    assert replies[2].json["error"]["code"] == "rate_limit_exceeded"
    time.sleep(1)
    assert chat(provider).status == 200


def test_max_served(provider: OfflineProvider) -> None:
    """What comes above the limit waits its turn; a limit that is lifted lets all of it in."""
    provider.behaviour.latency = 0.05
    provider.behaviour.max_served = 2

    started = time.monotonic()
    replies = many(8, lambda _: chat(provider))

    assert [reply.status for reply in replies] == [200] * 8
    assert time.monotonic() - started >= 4 * 0.05
    assert provider.peak == 8


def many(count: int, call: Callable[[int], Response]) -> list[Response]:
    """Make the calls at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


# What it records


def test_requests_are_recorded(provider: OfflineProvider) -> None:
    """Method, path, headers, body and number of each request are kept in order."""
    post(f"{provider.base_url}/chat/completions", {"model": "m"}, {"X-Portkey-Trace-Id": "t"})
    request("POST", f"{provider.base_url}/completions", b"no JSON")

    first, second = provider.requests
    assert (first.method, first.path, first.number) == ("POST", "/v1/chat/completions", 1)
    assert (first.headers["x-portkey-trace-id"], first.body) == ("t", {"model": "m"})
    assert (second.number, second.body) == (2, b"no JSON")
    assert first.time <= second.time <= time.monotonic()


def test_recording_can_be_off(provider: OfflineProvider) -> None:
    """A benchmark keeps nothing but the count."""
    provider.behaviour.record = False

    chat(provider)

    assert (provider.requests, provider.answered) == ([], 1)


def test_request_ids(provider: OfflineProvider) -> None:
    """Every reply names its request, also the refusals."""
    provider.behaviour.faults = [None, Fault()]

    assert [chat(provider).headers["x-request-id"] for _ in range(2)] == ["offline-1", "offline-2"]


def test_reset_of_the_records(provider: OfflineProvider) -> None:
    """After a reset it is as if freshly started."""
    provider.behaviour.latency = 1
    get(f"{provider.base_url}/models")

    provider.reset()

    assert (provider.requests, provider.answered, provider.peak) == ([], 0, 0)
    assert provider.behaviour == Behaviour()
    get(f"{provider.base_url}/models")
    assert provider.requests[0].number == 1


# How it runs


def test_it_listens_on_loopback_only_and_ends() -> None:
    """The port is free again after the block, even with a request stalled."""
    with OfflineProvider(Behaviour(faults=[Fault("stall")])) as provider:
        assert provider.base_url == f"http://127.0.0.1:{provider.port}/v1"
        with pytest.raises(TimeoutError):
            chat(provider, timeout=0.1)

    with OfflineProvider(port=provider.port) as again:
        assert chat(again).status == 200


def test_taken_port() -> None:
    """A port that is taken is an error where it is started."""
    with OfflineProvider() as provider, pytest.raises(OSError, match="address already in use"):
        OfflineProvider(port=provider.port).__enter__()


def test_a_process_of_its_own() -> None:
    """`python -m portkey_handler.gateway.offline` prints its URL and serves."""
    command = [sys.executable, "-m", "portkey_handler.gateway.offline", "--latency", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert get(f"{url}/models").status == 200
        finally:
            process.terminate()


def test_stops_though_a_client_keeps_its_connection() -> None:
    """An idle connection that nobody closes does not hold up the end."""
    with OfflineProvider() as provider:
        connection = http.client.HTTPConnection("127.0.0.1", provider.port)
        connection.request("GET", "/v1/models")
        connection.getresponse().read()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    connection.close()
