"""Rows asked for typed columns, and replies in a provider's shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest

from .predicting import predict

OUTPUT = "tone string, score float"
SCHEMA = {
    "type": "object",
    "properties": {"tone": {"type": "string"}, "score": {"type": "number"}},
    "required": ["tone", "score"],
    "additionalProperties": False,
}
FITS = '{"tone": "warm", "score": 0.5}'


def said(text: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """Give a chat completion of 10 + 4 tokens, 2 of them cached."""
    return {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 2},
        },
    }


def one_by_one(*replies: dict[str, Any] | Fault) -> Callable[[RecordedRequest], Fault]:
    """Give a behaviour's `faults` that answers with these, in turn."""
    left = iter(replies)

    def next_one(_: RecordedRequest) -> Fault:
        reply = next(left)
        return reply if isinstance(reply, Fault) else Fault(status=200, body=reply)

    return next_one


def refused(message: str, status: int = 400) -> Fault:
    """Give a provider's refusal."""
    return Fault(status=status, body={"error": {"message": message, "type": "invalid_request_error"}})


def ask(provider: OfflineProvider, *replies: dict[str, Any] | Fault, **using: Any) -> dict[str, Any]:
    """Ask one row and give its columns; the replies come in turn."""
    provider.behaviour.faults = one_by_one(*replies)
    options = {"output": OUTPUT, "reuse": "never", **using}
    found: dict[str, Any] = predict(provider, {"q": ["How is it?"]}, options).iloc[0].to_dict()
    return found
