"""Read JSON from a model's text: strictly, or from prose and code fences."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

#: Only texts of at most this length are searched for objects; a longer text must be JSON as a whole.
_MOST_SEARCHED = 100_000
#: The most objects that are tried in one text.
_MOST_TRIED = 20
#: The beginning of an object, or of a list of objects or lists.
_BEGIN = re.compile(r"\{|\[(?=\s*[\[{])")
_STRUCTURE = re.compile(r"[\[\]{}\"']")
_WORD = re.compile(r"\b(?:True|False|None)\b")
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}


class NotReadable(ValueError):  # noqa: N818 - a finding about a model's text, not an error of this package
    """The text is not JSON; the message says why, without quoting it."""


def exactly(text: str) -> Any:
    """Return the value of a text that is JSON and nothing else.

    Raises:
        NotReadable: The text is not JSON, or has a value that JSON does not allow (NaN, a name twice) or a
            column cannot hold.
    """
    try:
        return _storable(_DECODER.decode(text))
    except json.JSONDecodeError:
        raise NotReadable("it is not JSON") from None
    except RecursionError:
        raise NotReadable("it is nested too deeply") from None


def unfenced(text: str) -> str:
    """Return a text without the code fence around all of it: ```json … ```."""
    stripped = text.strip()
    if not (stripped.startswith("```") and stripped.endswith("```") and len(stripped) >= 6):
        return text
    first, line_end, rest = stripped[3:-3].partition("\n")
    is_name = line_end and first.strip().isalnum()
    inside = rest if is_name or not first.strip() else stripped[3:-3]
    return text if "```" in inside else inside


def leniently(text: str) -> Iterator[Any]:
    """Yield the values that a text may mean: its value as JSON, else the objects in prose and code fences.

    Strings in single quotes and Python's True, False and None are understood. A part of a list or of an
    object is never taken for the whole.
    """
    try:
        yield exactly(text)
    except NotReadable:
        if len(text) > _MOST_SEARCHED:
            return
        for piece in itertools.islice(_pieces(text), _MOST_TRIED):
            for written in (piece, _with_double_quotes(piece)):
                try:
                    yield exactly(written)
                except NotReadable:
                    continue
                break


def _pieces(text: str) -> Iterator[str]:
    """Yield the outermost parts of a text in braces or brackets; a part without an end is left out."""
    begin = _BEGIN.search(text)
    while begin is not None:
        end = _end_of_piece(text, begin.start())
        if end is None:
            return
        yield text[begin.start() : end]
        begin = _BEGIN.search(text, end)


def _end_of_piece(text: str, start: int) -> int | None:
    depth, place = 0, start
    while (found := _STRUCTURE.search(text, place)) is not None:
        sign, place = found[0], found.end()
        if sign in "\"'":
            place = _end_of_string(text, found.start())
        elif sign in "[{":
            depth += 1
        else:
            depth -= 1
            if not depth:
                return place
    return None


def _with_double_quotes(piece: str) -> str:
    """Return a text with strings in single quotes, and Python's words outside of strings, written as JSON."""
    written: list[str] = []
    place = 0
    while place < len(piece):
        quote = piece[place]
        if quote not in "\"'":
            end = _next_quote(piece, place)
            written.append(_WORD.sub(lambda found: _JSON_WORDS[found[0]], piece[place:end]))
        else:
            end = _end_of_string(piece, place)
            inside = piece[place + 1 : end - 1]
            if quote == "'":
                inside = inside.replace("\\'", "'").replace('\\"', '"').replace('"', '\\"')
            written.append(f'"{inside}"')
        place = end
    return "".join(written)


def _next_quote(text: str, place: int) -> int:
    found = [end for end in (text.find('"', place), text.find("'", place)) if end >= 0]
    return min(found, default=len(text))


def _end_of_string(text: str, start: int) -> int:
    """Return the place after a string's last quote; the end of the text if there is none."""
    place = start + 1
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == text[start]:
            return place + 1
        place += 1
    return len(text)


def _storable(value: Any) -> Any:
    """Return a value; raise an error if it cannot be stored or put into a column as it is."""
    try:
        orjson.dumps([value])
    except orjson.JSONEncodeError as error:
        reasons = {"Recursion": "it is nested too deeply", "Integer": "a number in it is beyond 64 bits"}
        reason = next((said for word, said in reasons.items() if word in str(error)), None)
        raise NotReadable(reason or "a text in it is not valid UTF-8") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotReadable("a name occurs twice in one object")
    return found


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotReadable("a number in it is too large")
    return value


def _whole_number(text: str) -> int:
    if len(text) > 20:  # a sign and the digits of 2⁶⁴
        raise NotReadable("a number in it is beyond 64 bits")
    return int(text)


def _no_number(name: str) -> Any:
    raise NotReadable(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_number,
    parse_int=_whole_number,
    parse_constant=_no_number,
)
