"""What the body of a request tells of itself: what the model reads, how long answers may be, the prompt."""

from __future__ import annotations

from typing import Any

import orjson

_LONGEST_EXAMPLE = 300
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
#: Texts of a body that the model reads; the other texts in it, such as its name, are for the provider.
_READ = frozenset({"prompt", "input", "instructions", "query", "system"})
#: Lists and objects of a body that it does not read.
_NOT_READ = frozenset({"logit_bias", "metadata", "stop", "stop_sequences", "stream_options", "modalities"})


def most_answer_tokens(body: dict[str, Any]) -> int | None:
    """Return the most tokens that an answer may have; None where nothing limits it."""
    return next((body[name] for name in _LIMITS if isinstance(body.get(name), int)), None)


def read_by_model(body: bytes) -> bytes:
    """Leave of a body what the model reads; the names of options and most values of theirs cost nothing."""
    parsed = orjson.loads(body)
    if not isinstance(parsed, dict):
        return body
    read = {
        name: value
        for name, value in parsed.items()
        if name in _READ or (isinstance(value, (dict, list)) and name not in _NOT_READ)
    }
    return orjson.dumps(read)


def example(body: bytes) -> str:
    """Return the prompt of a request as a person reads it, cut."""
    parsed = orjson.loads(body)
    text = _as_text(parsed) if isinstance(parsed, dict) else body.decode()
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"


def _as_text(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if isinstance(messages, list):
        return "\n".join(f"{entry.get('role')}: {_content(entry.get('content'))}" for entry in messages)
    for name in ("prompt", "input"):
        if isinstance(body.get(name), str):
            return str(body[name])
    inputs = body.get("input")
    if isinstance(inputs, list) and inputs and isinstance(inputs[0], str):
        return inputs[0]
    return orjson.dumps(body.get("variables", body)).decode()


def _content(content: Any) -> str:
    if not isinstance(content, list):
        return str(content)
    return " ".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
