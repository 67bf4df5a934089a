"""The answers of the stand-in. They depend only on the request and say that there is no language model."""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Mapping
from typing import Any

from .fitting import fitting, schema_asked_for

ECHO = 200  # the most characters of the request that an answer repeats


def stand_in_answer(body: Mapping[str, Any]) -> str:
    """Return a text that repeats the request and names the stand-in; JSON if the request has a JSON Schema.

    Args:
        body: A request's JSON with `messages`, `prompt` or `variables`.
    """
    asked = last_text(body)
    schema = schema_asked_for(body)
    if schema is not None:
        return json.dumps(fitting(schema, f"offline stand-in, {digest(asked)}"))
    words = asked.split()
    first = f", first: {words[0][:ECHO]!r}" if words else ""
    plural = "" if len(words) == 1 else "s"
    return f"offline stand-in: {len(words)} word{plural}{first}, {digest(asked)} | {asked[:ECHO]}"


def last_text(body: Mapping[str, Any]) -> str:
    """Return the text of the last user message, the prompt, or the variables of a saved prompt."""
    if "messages" in body:
        users = [message for message in body["messages"] if message.get("role") == "user"]
        return text_of(users[-1].get("content")) if users else ""
    if "variables" in body:
        return "\n".join(str(value) for value in body["variables"].values())
    return text_of(body.get("prompt"))


def text_of(content: Any) -> str:
    """Return the text of a message's content, which is a text or a list of parts."""
    if isinstance(content, list):  # parts: text, images …
        # Those of one text, which a mark for a prompt cache has split, stay one text.
        is_split = any(isinstance(part, dict) and "cache_control" in part for part in content)
        return ("" if is_split else "\n").join(
            str(part.get("text", ""))
            for part in content
            if isinstance(part, dict) and part.get("type") in ("text", "input_text")
        )
    return "" if content is None else str(content)


def digest(text: str) -> str:
    """Return eight characters that differ between texts."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def relevance(query: str, document: str) -> float:
    """Return the share of the query's words that are in the document; upper and lower case are equal."""
    words = set(query.lower().split())
    return len(words.intersection(document.lower().split())) / (len(words) or 1)


def embedding(text: str, dimensions: int) -> array[float]:
    """Return a unit vector of 32-bit floats; equal texts have equal vectors."""
    numbers = array("i", hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * dimensions))
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return array("f", [number / length for number in numbers])
