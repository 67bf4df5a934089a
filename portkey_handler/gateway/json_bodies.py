"""Read the JSON of a reply, also where a server has written it carelessly."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

#: A character beyond 16 bits, or half of one; JSON writes it as two escapes, of which one may be missing.
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 20


def read(content: bytes) -> Any:
    """Return the value of a JSON text.

    Servers written in Python may write NaN (returned as it is), and one that cuts an answer off may leave
    half of a character (dropped at the end of a text, and replaced by U+FFFD elsewhere).

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        return _without_surrogates(json.loads(content, parse_int=_integer))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _integer(digits: str) -> int | float:
    if len(digits) <= _LONGEST_INTEGER and -(2**63) <= int(digits) < 2**64:
        return int(digits)
    return float(digits) if len(digits) < 400 else math.inf  # as orjson does: no column holds more


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _whole_characters(value) if _SURROGATE.search(value) else value
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(one) for name, one in value.items()}
    return value


def _whole_characters(text: str) -> str:
    if "\ud800" <= text[-1] <= "\udbff":
        text = text[:-1]  # the first half of a character that was cut off
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
