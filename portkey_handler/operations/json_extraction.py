"""What a model wrote as an object: as JSON and nothing else, or as people let models write it."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

#: Characters of a reply in which an object is looked for; what is longer has to be one as it is.
_MOST_SEARCHED = 100_000
#: Objects that are looked at.
_MOST_TRIED = 20
#: An object begins, or a list of some.
_BEGIN = re.compile(r"\{|\[(?=\s*[\[{])")
_STRUCTURE = re.compile(r"[\[\]{}\"']")
_WORD = re.compile(r"\b(?:True|False|None)\b")
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}


class NotReadable(ValueError):  # noqa: N818 - a finding about what a model wrote, not a fault of ours
    """The text is no JSON; says what of it is not, without quoting it."""


def exactly(text: str) -> Any:
    """Read a text that is JSON and nothing else.

    Raises:
        NotReadable: It is not, or holds what JSON cannot (NaN, a name twice) or a column could not.
    """
    try:
        return _kept(_DECODER.decode(text))
    except json.JSONDecodeError:
        raise NotReadable("it is not JSON") from None
    except RecursionError:
        raise NotReadable("it is nested too deeply") from None


def leniently(text: str) -> Iterator[Any]:
    """Return what a text may mean: what it is as JSON, else the objects between prose and code fences.

    Strings in single quotes, and Python's True, False and None, are understood. A part of a list or of an
    object is never given for the whole.
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
    """Return the parts of a text that are in braces, outermost ones; one that never ends is none."""
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
    """Write strings in single quotes, and Python's words outside of strings, as JSON has them."""
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
    """Return the place behind a string's last quote; the end of the text where there is none."""
    place = start + 1
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == text[start]:
            return place + 1
        place += 1
    return len(text)


def _kept(value: Any) -> Any:
    """See that a value can be kept and put into a column as it is."""
    try:
        orjson.dumps([value])
    except orjson.JSONEncodeError as error:
        reasons = {"Recursion": "it is nested too deeply", "Integer": "a number in it is beyond 64 bits"}
        reason = next((said for word, said in reasons.items() if word in str(error)), None)
        raise NotReadable(reason or "a text in it is no text of UTF-8") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotReadable("a name stands twice in one object")
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
