"""Read the body of a request: the text for the model, the limit of the answer, the prompt."""

from __future__ import annotations

from typing import Any

import orjson

from ...foreign_text import without_keys
from ..query_usage import LONGEST_TEXT

_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
#: Names of texts that the model reads; other texts, such as the model's name, are for the provider.
_READ = frozenset({"prompt", "input", "instructions", "query", "system"})
#: Names of lists and objects that the model does not read.
_NOT_READ = frozenset({"logit_bias", "metadata", "stop", "stop_sequences", "stream_options", "modalities"})


def most_answer_tokens(body: dict[str, Any]) -> int | None:
    """Return the most tokens that an answer may have; None if nothing limits it."""
    return next((body[name] for name in _LIMITS if isinstance(body.get(name), int)), None)


def model_in(body: Any) -> str | None:
    """Return the model that a body names, or None."""
    name = body.get("model") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def model_of(body: bytes) -> str | None:
    """Return the model that an encoded body names, or None."""
    return model_in(orjson.loads(body))


def read_by_model(body: bytes) -> bytes:
    """Return the part of a body that the model reads; most options do not count as tokens."""
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
    """Return the prompt of a request as text, cut and without what looks like a key."""
    text = without_keys(prompt_of(body))
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def prompt_of(body: bytes) -> str:
    """Return the prompt of a request as text; of an image its type alone."""
    parsed = orjson.loads(body)
    return _as_text(parsed) if isinstance(parsed, dict) else body.decode()


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
    shown = ""
    for part in content:
        # The parts of one text, which a mark for the provider's cache has split, stay one text.
        follows = shown and not (part.get("type") == "text" and "cache_control" in content[0])
        shown += (" " if follows else "") + str(part.get("text") or f"[{part.get('type')}]")
    return shown
