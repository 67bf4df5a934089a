"""How long a provider asks to wait, and how much it still takes, by the headers of its response."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from datetime import datetime

from ..options.durations import read_duration
from ..records import Remaining

#: The headers of what is left of each limit, in the order of `Remaining`: of OpenAI, Groq and Azure, and of
#: Anthropic, whose limits of tokens may be of prompts and of answers.
_REMAINING = (
    ("x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"),
    ("x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"),
    ("anthropic-ratelimit-input-tokens-remaining", ""),
    ("anthropic-ratelimit-output-tokens-remaining", ""),
)
_NOT_SAID = [None] * len(_REMAINING)
_LIMITS = ("x-ratelimit-reset", "anthropic-ratelimit-")
_MOST_DIGITS = 18


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait, or None if it does not ask.

    They are read from retry-after-ms (OpenAI's, in milliseconds), else from Retry-After (seconds or an HTTP
    date), else from the x-ratelimit-reset-* or anthropic-ratelimit-*-reset of the limits that are used up:
    durations in OpenAI's form ("6m0s", "20ms"), seconds, or a time.
    """
    asked = _seconds(headers.get("retry-after-ms", "") + "ms")
    if asked is None:
        asked = _seconds(headers.get("retry-after", ""))
    if asked is not None:
        return asked
    resets = [
        _seconds(text)
        for name, text in headers.items()
        if _is_reset(name.lower()) and _is_used_up(headers, name.lower())
    ]
    return max((seconds for seconds in resets if seconds is not None), default=None)


def remaining_in(headers: Mapping[str, str]) -> Remaining | None:
    """Return how much the provider still takes before its limits, or None if it does not say."""
    get = headers.get
    texts = [get(name) or get(other) for name, other in _REMAINING]
    if texts == _NOT_SAID:
        return None
    found = Remaining(*map(_counted, texts))
    return None if found == Remaining() else found


def _counted(text: str | None) -> int | None:
    """Return a number that a header gives, or None; more digits than a number of tokens has are none."""
    text = "" if text is None else text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _is_reset(name: str) -> bool:
    """Return whether a header says when a limit has its whole amount again."""
    return name.startswith(_LIMITS) and "reset" in name


def _is_used_up(headers: Mapping[str, str], name: str) -> bool:
    """Return whether a limit is used up; true if the provider does not report it."""
    left = headers.get(name.replace("-reset", "-remaining", 1), "0").strip()
    return left.partition(".")[0] in ("0", "")


#: Larger numbers are times, in seconds or in milliseconds since 1970.
_MOMENT = 1e9
_MOMENT_IN_MILLISECONDS = 1e11


def _seconds(text: str) -> float | None:
    text = text.strip()
    if (seconds := read_duration(text)) is not None:
        return seconds
    moment: float
    try:
        moment = float(text)
        if moment < _MOMENT:
            return max(0.0, moment)
        if moment > _MOMENT_IN_MILLISECONDS:
            moment /= 1000  # OpenRouter's
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(text).timestamp()
        except (TypeError, ValueError, OverflowError):
            try:
                moment = datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
            except (ValueError, OverflowError):
                return None
    return max(0.0, moment - time.time())
