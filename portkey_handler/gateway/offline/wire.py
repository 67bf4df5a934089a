"""The wire formats of the stand-in: from the JSON of a request to the JSON of its answer.

Sources: https://platform.openai.com/docs/api-reference and https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import base64
import re
import sys
from array import array
from collections.abc import Callable
from typing import Any

from .answers import digest, embedding, last_text, text_of
from .behaviour import Behaviour
from .fitting import called
from .judging import moderations, rerank
from .prompt_cache import cached_words
from .refusal import Refusal

MODELS = ("claude-2.1", "gpt-4o-mini", "text-embedding-3-small")


class _Reply:
    """The text of an answer, cut at the request's token limit, with its number of tokens (words)."""

    def __init__(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        self.text = behaviour.answer(body)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        words = self.text.split()
        self.finish = "stop"
        self.tokens = len(words)
        if isinstance(limit, int) and limit < len(words):
            ends = [match.end() for match in re.finditer(r"\S+", self.text)]
            self.text, self.finish, self.tokens = self.text[: ends[limit - 1]], "length", limit
        parts = body.get("messages") or [{"content": body.get("prompt", "")}]
        self.asked = sum(len(text_of(part.get("content")).split()) for part in parts)
        if "variables" in body:
            self.asked = len(last_text(body).split())
        self.id = digest(self.text)
        self.read = self.written = 0
        if behaviour.prompt_cache is not None and "messages" in body:
            self.asked += len(text_of(body.get("system")).split())
            self.read, self.written = cached_words(body, behaviour.prompt_cache)
        self.beside = self.asked - self.read - self.written

    def usage(self) -> dict[str, Any]:
        """Return the counts in the format of OpenAI's `usage`, a prompt cache as the gateway does."""
        return {
            "prompt_tokens": self.beside,
            "completion_tokens": self.tokens,
            "total_tokens": self.asked + self.tokens,
            **self.cached(),
        }

    def cached(self) -> dict[str, int]:
        """Return the counts of the prompt cache in Anthropic's format."""
        if not self.read and not self.written:
            return {}
        return {"cache_read_input_tokens": self.read, "cache_creation_input_tokens": self.written}


def _chat(body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    if "variables" not in body and not _is_messages(body.get("messages")):
        raise Refusal(
            400, "Missing or wrong parameter: 'messages' is a list of objects with role and content."
        )
    reply = _Reply(body, behaviour)
    return {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", MODELS[0]),
        "choices": [
            {
                "index": 0,
                "message": _message(body, reply),
                "logprobs": None,
                "finish_reason": reply.finish,
            }
        ],
        "usage": reply.usage(),
        **_tier(body),
    }


def _tier(body: dict[str, Any]) -> dict[str, str]:
    """Return the service tier that has answered, where the request names one."""
    tier = body.get("service_tier")
    return {"service_tier": "default" if tier == "auto" else tier} if isinstance(tier, str) else {}


def _message(body: dict[str, Any], reply: _Reply) -> dict[str, Any]:
    name = called(body)
    if name is None:
        return {"role": "assistant", "content": reply.text}
    call = {
        "id": f"call_{reply.id}",
        "type": "function",
        "function": {"name": name, "arguments": reply.text},
    }
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _completions(body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    prompts = body.get("prompt")
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list) or not prompts:
        raise Refusal(400, "Missing or wrong parameter: 'prompt' is a text or a list of texts.")
    replies = [_Reply({**body, "prompt": prompt}, behaviour) for prompt in prompts]
    usages = [reply.usage() for reply in replies]
    return {
        "id": f"cmpl-{replies[0].id}",
        "object": "text_completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {"index": index, "text": reply.text, "logprobs": None, "finish_reason": reply.finish}
            for index, reply in enumerate(replies)
        ],
        "usage": {name: sum(usage[name] for usage in usages) for name in usages[0]},
    }


def _embeddings(body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    inputs = body.get("input")
    if isinstance(inputs, str) or (isinstance(inputs, list) and inputs and isinstance(inputs[0], int)):
        inputs = [inputs]  # one text, or one text as tokens
    if not isinstance(inputs, list) or not all(inputs) or not inputs:
        raise Refusal(400, "'$.input' is invalid: a text or a list of texts, none of them empty.")
    length = body.get("dimensions")
    length = behaviour.dimensions if length is None else length
    if type(length) is not int or length < 1:
        raise Refusal(400, "'$.dimensions' is invalid: a whole number above 0.")
    vectors = [embedding(str(text), length) for text in inputs]
    coded = body.get("encoding_format") == "base64"
    tokens = sum(len(text.split()) if isinstance(text, str) else len(text) for text in inputs)
    return {
        "object": "list",
        "model": body["model"],
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _base64(vector) if coded else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _base64(vector: array[float]) -> str:
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()


def _messages(body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    if not _is_messages(body.get("messages")):
        raise Refusal(400, "messages: Field required")
    if not isinstance(body.get("max_tokens"), int):
        raise Refusal(400, "max_tokens: Field required")
    reply = _Reply(body, behaviour)
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": reply.text}],
        "stop_reason": "end_turn" if reply.finish == "stop" else "max_tokens",
        "stop_sequence": None,
        "usage": {"input_tokens": reply.beside, "output_tokens": reply.tokens, **reply.cached()},
    }


def _responses(body: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    asked = body.get("input")
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) and asked else asked
    if not _is_messages(turns):
        raise Refusal(400, "Missing or wrong parameter: 'input' is a text or a list of messages.")
    reply = _Reply({**body, "messages": turns, "max_tokens": body.get("max_output_tokens")}, behaviour)
    status = "completed" if reply.finish == "stop" else "incomplete"
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "incomplete_details": None if reply.finish == "stop" else {"reason": "max_output_tokens"},
        "model": body["model"],
        "output": [
            {
                "id": f"msg_{reply.id}",
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [{"type": "output_text", "text": reply.text, "annotations": []}],
            }
        ],
        "usage": {
            "input_tokens": reply.asked,
            "output_tokens": reply.tokens,
            "total_tokens": reply.asked + reply.tokens,
        },
    }


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)


_POSTS: dict[str, Callable[[dict[str, Any], Behaviour], dict[str, Any]]] = {
    "/v1/chat/completions": _chat,
    "/v1/completions": _completions,
    "/v1/embeddings": _embeddings,
    "/v1/messages": _messages,
    "/v1/moderations": lambda body, _: moderations(body),
    "/v1/rerank": lambda body, _: rerank(body),
    "/v1/responses": _responses,
}
_PROMPT = re.compile(r"/v1/prompts/[^/]+/completions")


def answer_post(path: str, body: Any, behaviour: Behaviour) -> dict[str, Any]:
    """Return the answer to a POST.

    Raises:
        Refusal: The provider would answer with an error.
    """
    of_prompt = _PROMPT.fullmatch(path) is not None
    respond = _chat if of_prompt else _POSTS.get(path)
    if respond is None:
        raise Refusal(404, f"Invalid URL (POST {path})")
    if not isinstance(body, dict):
        raise Refusal(400, "We could not parse the JSON body of your request.")
    if of_prompt:
        body = {**body, "variables": body.get("variables") or {}}
    _check_parameters(body, behaviour, needs_model=not of_prompt and path != "/v1/moderations")
    return respond(body, behaviour)


def _check_parameters(body: dict[str, Any], behaviour: Behaviour, *, needs_model: bool) -> None:
    model = body.get("model")
    if not isinstance(model, str) and needs_model:
        raise Refusal(400, "you must provide a model parameter")
    if model in behaviour.unknown_models:
        raise Refusal(404, f"The model '{model}' does not exist", "model_not_found")
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        limit = body.get(name)
        if limit is not None and (type(limit) is not int or limit < 1):
            raise Refusal(
                400, f"Invalid value for '{name}': expected a whole number above 0.", "invalid_value"
            )
    if model in behaviour.completion_token_models and "max_tokens" in body:
        raise Refusal(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "unsupported_parameter",
        )
    if body.get("stream"):
        raise Refusal(400, "The offline stand-in does not stream.", "unsupported_value")


def answer_get(path: str) -> Any:
    """Return the answer to a GET.

    Raises:
        Refusal: The provider would answer with an error.
    """
    if path == "/":
        return "offline stand-in: no language model answers here"
    if path == "/v1/models":
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "offline"} for name in MODELS]
        return {"object": "list", "data": data}
    raise Refusal(404, f"Invalid URL (GET {path})")
