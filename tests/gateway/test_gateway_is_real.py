"""The real gateway in front of the stand-in: what the other tests take for granted."""

from __future__ import annotations

import socket
from typing import Any

import orjson
import pytest
from support.gateway import Gateway
from support.http import Response, post

from portkey_handler.errors import UnsupportedError
from portkey_handler.execution.event_loop import run_sync
from portkey_handler.gateway.client import Gateway as Door
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider, embedding
from portkey_handler.options import EngineConfig
from portkey_handler.records import Remaining, Request

QUESTION = "Where is Stockholm located?"
MESSAGES = [{"role": "user", "content": QUESTION}]


def ask(
    gateway: Gateway, provider: OfflineProvider, path: str, body: dict[str, Any], name: str = "openai"
) -> Response:
    """Ask the stand-in through the gateway, as provider `name`."""
    headers = {
        "x-portkey-provider": name,
        "x-portkey-custom-host": provider.base_url,
        "authorization": "Bearer canary",
    }
    return post(f"{gateway.base_url}{path}", body, headers)


def test_chat(gateway: Gateway, provider: OfflineProvider) -> None:
    """A chat goes through to the provider with its key, and its answer comes back."""
    reply = ask(
        gateway, provider, "/chat/completions", {"model": "m", "max_tokens": 300, "messages": MESSAGES}
    )

    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"].endswith(QUESTION)
    assert reply.headers["x-portkey-provider"] == "openai"
    (request,) = provider.requests
    assert (request.path, request.body["max_tokens"]) == ("/v1/chat/completions", 300)
    assert request.headers["authorization"] == "Bearer canary"


def test_completion(gateway: Gateway, provider: OfflineProvider) -> None:
    """A completion comes back with its text."""
    reply = ask(gateway, provider, "/completions", {"model": "m", "prompt": QUESTION})

    assert reply.json["choices"][0]["text"].endswith(QUESTION)


@pytest.mark.parametrize("coded", ["float", "base64"])
def test_embeddings(gateway: Gateway, provider: OfflineProvider, coded: str) -> None:
    """Embeddings work: without the override in package.json the gateway answers 500."""
    body = {"model": "m", "input": ["a", "b"], "dimensions": 4, "encoding_format": coded}

    reply = ask(gateway, provider, "/embeddings", body)

    assert reply.status == 200
    first = reply.json["data"][0]["embedding"]
    assert isinstance(first, str) if coded == "base64" else first == embedding("a", 4).tolist()


def test_anthropic(gateway: Gateway, provider: OfflineProvider) -> None:
    """The documented claude-2.1 is asked in Anthropic's format and answers in OpenAI's."""
    body = {"model": "claude-2.1", "max_tokens": 300, "messages": MESSAGES}

    reply = ask(gateway, provider, "/chat/completions", body, "anthropic")

    assert reply.status == 200
    (choice,) = reply.json["choices"]
    assert choice["message"]["content"].endswith(QUESTION)
    assert choice["finish_reason"] == "stop"
    assert reply.json["usage"]["prompt_tokens"] == 4
    (request,) = provider.requests
    assert (request.path, request.headers["x-api-key"]) == ("/v1/messages", "canary")


def test_provider_says_no(gateway: Gateway, provider: OfflineProvider) -> None:
    """A provider's error keeps its status and its words."""
    provider.behaviour.unknown_models = {"nope"}

    reply = ask(gateway, provider, "/chat/completions", {"model": "nope", "messages": MESSAGES})

    assert reply.status == 404
    assert "The model 'nope' does not exist" in reply.json["error"]["message"]
    assert reply.json["error"]["code"] == "model_not_found"


def test_anthropic_says_no(gateway: Gateway, provider: OfflineProvider) -> None:
    """An error in Anthropic's shape arrives in OpenAI's."""
    provider.behaviour.unknown_models = {"nope"}
    body = {"model": "nope", "max_tokens": 9, "messages": MESSAGES}

    reply = ask(gateway, provider, "/chat/completions", body, "anthropic")

    assert reply.status == 404
    assert "The model 'nope' does not exist" in reply.json["error"]["message"]


def test_only_loopback(gateway: Gateway) -> None:
    """The preloaded script keeps the gateway off the network; by itself it listens everywhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        # Every address in 127/8 reaches a listener on all interfaces (Linux).
        assert other.connect_ex(("127.0.0.2", gateway.port)) != 0


def test_config_is_a_header(gateway: Gateway, provider: OfflineProvider) -> None:
    """A config object retries for us, and the reply's headers count it."""
    provider.behaviour.faults = [Fault(status=503)]
    config = {
        "provider": "openai",
        "api_key": "canary",
        "custom_host": provider.base_url,
        "retry": {"attempts": 2, "on_status_codes": [503]},
    }

    reply = post(
        f"{gateway.base_url}/chat/completions",
        {"model": "m", "messages": MESSAGES},
        {"x-portkey-config": orjson.dumps(config).decode()},
    )

    assert (reply.status, reply.headers["x-portkey-retry-attempt-count"]) == (200, "1")
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("path", "name"),
    [("/embeddings", "anthropic"), ("/messages", "openai"), ("/prompts/pp-1/completions", "openai")],
)
def test_what_it_cannot_ask_is_said_once(
    gateway: Gateway, provider: OfflineProvider, path: str, name: str
) -> None:
    """It says 500 of an endpoint that it does not have for a provider, and nobody tries that six times."""
    credentials = EngineConfig(
        {"base_url": gateway.base_url, "provider": name, "custom_host": provider.base_url}
    )
    body = orjson.dumps({"model": "m", "input": "x", "messages": MESSAGES, "max_tokens": 5})

    async def send() -> None:
        async with Door(GatewayConfig.of_engine(credentials, 10)) as door:
            await door.send(Request(path, body))

    with pytest.raises(UnsupportedError):
        run_sync(send())
    assert provider.requests == []


LEFT = {
    "openai": {"x-ratelimit-remaining-requests": "59", "x-ratelimit-remaining-tokens": "149984"},
    "anthropic": {
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-tokens-remaining": "28000",
        "anthropic-ratelimit-input-tokens-remaining": "20000",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "anthropic": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Yes"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
}


@pytest.mark.parametrize(
    ("name", "remaining"),
    [("openai", Remaining(59, 149_984)), ("anthropic", Remaining(49, 28_000, 20_000, 8_000))],
)
def test_what_is_left_of_the_limits_comes_through(
    gateway: Gateway, provider: OfflineProvider, name: str, remaining: Remaining
) -> None:
    """The gateway passes the provider's headers on, those of an answer that it translates, too."""
    provider.behaviour.faults = [Fault(status=200, headers=LEFT[name], body=ANSWERS[name])]
    credentials = EngineConfig(
        {"base_url": gateway.base_url, "provider": name, "custom_host": provider.base_url}
    )
    body = orjson.dumps({"model": "m", "messages": MESSAGES, "max_tokens": 5})

    async def send() -> Remaining | None:
        async with Door(GatewayConfig.of_engine(credentials, 10)) as door:
            return (await door.send(Request("/chat/completions", body))).remaining

    assert run_sync(send()) == remaining
