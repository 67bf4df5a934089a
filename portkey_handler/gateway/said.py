"""The words, the code and the waiting time in the body of an error, in the shapes that servers use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from ..options.durations import read_duration
from . import json_bodies
from .waits import seconds_to_wait

#: Of a text from outside no more is looked at.
_MOST = 20_000
_DEEPEST = 12
#: Names under which servers put the words, in the order in which they are looked for; the gateway makes
#: {"0": …} of a list.
_WORDS = (
    "error", "errors", "message", "detail", "details", "fault", "msg", "faultstring", "error_message",
    "errormessage", "error_description", "description", "title", "reason", "0",
)  # fmt: skip
_BESIDE = ("message", "error_description", "detail", "msg")
_CODES = ("code", "type", "status", "error_code", "errorcode", "__type")
_PAGE = "html-message"
#: What the gateway writes before a body that it does not understand.
_UNREAD = re.compile(r"Invalid response received from [\w-]+: (?=[\[{])")
#: The code of a prompt that a filter held back, which Gemini tells beside no answer.
_BLOCKED = "content_filter"
_WAIT = re.compile(
    r"\b(?:try again|retry|wait|available|reset\w*)\b[^.\d]{0,40}?"
    r"(?:(?P<short>(?:\d+(?:\.\d+)?(?:ms|[smhd]))+)"
    r"|(?P<number>\d+(?:\.\d+)?) ?(?P<unit>second|sec|minute|min|hour|millisecond)s?)\b",
    re.IGNORECASE,
)
_UNITS = {"millisecond": 0.001, "second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600}


@dataclass(frozen=True)
class Said:
    """What the body of an error says.

    Attributes:
        text: Its words in one line; empty where it has none.
        codes: Its codes, from the outside to the inside, in lower case.
        wait: The seconds that it asks to wait, or None.
    """

    text: str = ""
    codes: tuple[str, ...] = ()
    wait: float | None = None

    @property
    def code(self) -> str:
        """The innermost code, or an empty text."""
        return self.codes[-1] if self.codes else ""


def said_in(body: Any) -> Said:
    """Return what the parsed body of an error says, or its text."""
    text = " ".join(_words(body, 0).split())
    codes = tuple(str(code).lower() for code in _codes(body, 0))
    return Said(text, codes, _wait_in(body, text))


def parsed(content: bytes) -> Any:
    """Return a body as JSON, or None where it is none."""
    try:
        return json_bodies.read(content)
    except ValueError:
        return None


def words_or_json(content: bytes) -> Any:
    """Return the body of an error as JSON; where it is none, its text, or the text of its page."""
    try:
        return json_bodies.read(content)
    except ValueError:
        pass
    text = content[:_MOST].decode("utf-8", "replace")
    words = " ".join((_text_of(text) if text.lstrip()[:1] == "<" else text).split())
    return words if words.isprintable() and "\ufffd" not in words else None  # else bytes that are no text


def _words(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        inner = _inside(value)
        return (_words(inner, depth + 1) if inner is not None else "") or value[:_MOST]
    if isinstance(value, list):
        found = dict.fromkeys(words for one in value[:5] if (words := _words(one, depth + 1)))
        return "; ".join(found)
    return _words_of_object(value, depth + 1) if isinstance(value, Mapping) else ""


def _inside(text: str) -> Any:
    """Return the JSON that a text is, also behind the gateway's words; None where it is none."""
    begin = _UNREAD.match(text)
    rest = text[begin.end() :] if begin is not None else text
    return parsed(rest.encode("utf-8", "replace")) if rest.lstrip()[:1] in ("{", "[") else None


def _blocked(value: Mapping[str, Any]) -> str:
    """Return why Gemini has held back a prompt, or an empty text."""
    feedback = value.get("promptfeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, Mapping) else None
    return reason if isinstance(reason, str) else ""


def _words_of_object(value: Mapping[Any, Any], depth: int) -> str:
    if isinstance(page := value.get(_PAGE), str):
        return _text_of(page)
    lowered: dict[str, Any] = {str(name).lower(): one for name, one in value.items()}
    message, place, metadata = lowered.get("message"), lowered.get("loc"), lowered.get("metadata")
    if isinstance(message, str) and isinstance(lowered.get("errors"), list):
        # The gateway's own: "Invalid config passed", followed by the reasons.
        return ": ".join(part for part in (message, _words(lowered["errors"], depth)) if part)
    if reason := _blocked(lowered):
        return f"the provider's content filter held the prompt back ({reason})"
    text = next((words for name in _WORDS if (words := _words(lowered.get(name), depth))), "")
    if isinstance(lowered.get("error"), str):  # a name such as "Not Found", beside what has happened
        beside = next((words for name in _BESIDE if (words := _words(lowered.get(name), depth))), "")
        text = f"{text}: {beside}" if beside not in text else text
    if text and isinstance(place, list) and place:  # FastAPI: where, beside what
        return f"{'.'.join(map(str, place))}: {text}"
    # OpenRouter: what the provider behind it said.
    behind = _words(metadata.get("raw"), depth) if isinstance(metadata, Mapping) else ""
    return f"{text}: {behind}" if behind and behind not in text else text


def _codes(value: Any, depth: int) -> Iterator[Any]:
    """Yield the codes of an error, from the outside to the inside."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for one in value[:5]:
            yield from _codes(one, depth + 1)
    elif isinstance(value, str) and (inner := _inside(value)) is not None:
        yield from _codes(inner, depth + 1)
    elif isinstance(value, Mapping):
        lowered = {str(name).lower(): one for name, one in value.items()}
        own = [lowered[name] for name in reversed(_CODES) if isinstance(lowered.get(name), (str, int))]
        yield from (one for one in own if one not in ("", True, False))
        if _blocked(lowered):
            yield _BLOCKED
        for name in ("error", "errors", "fault", "detail", "message", "0"):
            if not isinstance(lowered.get(name), str) or name in ("message", "error"):
                yield from _codes(lowered.get(name), depth + 1)


def _wait_in(body: Any, text: str) -> float | None:
    """Return the seconds that an error asks to wait: Google's RetryInfo, or words such as "in 1m20s"."""
    for info in _retry_infos(body, 0):
        if (seconds := read_duration(info)) is not None:
            return seconds
    found = _WAIT.search(text[:_MOST])
    if found is None:
        return None
    if found["short"]:
        return read_duration(found["short"].lower())
    return float(found["number"]) * _UNITS[found["unit"].lower()]


def _retry_infos(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        if isinstance(value.get("retryDelay"), str):
            yield value["retryDelay"]
        headers = value.get("headers")
        if isinstance(headers, Mapping):  # OpenRouter: of the provider behind it
            texts = {str(name).lower(): str(text) for name, text in headers.items()}
            if (seconds := seconds_to_wait(texts)) is not None:
                yield f"{seconds:f}s"
        for one in value.values():
            yield from _retry_infos(one, depth + 1)
    elif isinstance(value, list):
        for one in value[:20]:
            yield from _retry_infos(one, depth + 1)


class _Page(HTMLParser):
    """The text of a page that a server between here and the gateway has sent."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def _text_of(page: str) -> str:
    reader = _Page()
    reader.feed(page[:_MOST])
    return " ".join(reader.texts)
