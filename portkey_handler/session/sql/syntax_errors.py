"""Errors of statements that do not parse: where, with the words around, and no text constant or key of them.

A statement that does not parse may be any CREATE ML_ENGINE with its keys, in constants whose quotes are
missing, doubled or typographic. So every text constant and every word that looks like a key is masked.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from ...errors import StatementError
from ...foreign_text import visible, without_keys
from ...secret import MASK
from .scanner import COMMENT, has_no_end, pieces

#: Characters that are shown on each side of the place.
_AROUND = 40
#: Cells of a terminal on each side of the caret; with `LINE 12: ` a line has 80.
_SIDE = 34
#: Quotes that begin a text, and those that may end it. People paste typographic ones from documents.
_QUOTES = {
    "'": "'",
    '"': '"',
    "\u2018": "\u2019\u2018'",
    "\u2019": "\u2019'",
    "\u201a": "\u2018\u2019",
    "\u201c": '\u201d\u201c"',
    "\u201d": '\u201d"',
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u00b4": "\u00b4",
    "\u2032": "\u2032",
    "\uff07": "\uff07",
    "\uff02": "\uff02",
}
TYPOGRAPHIC = frozenset(_QUOTES) - {"'", '"'}
#: The name of a secret option and its sign: what follows is hidden, whatever it looks like.
_SECRET = re.compile(
    r"\b(?!portkey\b)\w*(?:key|token|secret|passw|authorization|credential)\w*\s*[=:]+\s*", re.IGNORECASE
)
#: A long word with letters and digits, which a key without its quotes is.
_LONG_WORD = re.compile(r"(?=[\w.+/=-]*\d)(?=[\w.+/=-]*[A-Za-z])[\w.+/=-]{12,}")
#: What stands between a text constant and what is beside it.
_BESIDE = frozenset(" \t\r\n,;()[]{}=:")
_VALUE = re.compile(r"[^,;()\n]*")
_BEGINS = re.compile(r"(?:CREATE|SELECT|DROP|SHOW|DESCRIBE|INSERT|RETRAIN|SET|WITH)\b", re.IGNORECASE)
_HINT = re.compile(r"^(?:Possible|Expected|Only)\b.*", re.MULTILINE)


def syntax_error(
    text: str, said: str, first_line: int = 1, first_column: int = 1, *, or_at: int = -1
) -> StatementError:
    """Return the error of a statement.

    Args:
        text: The statement.
        said: The message of the parser, which quotes lines of the statement and marks the place.
        first_line: The number of the statement's first line in its script.
        first_column: The number of its first character in that line.
        or_at: Where another parser refuses it. The one that came further knows where the fault is.
    """
    hint = _HINT.search(said)
    ending = f" ({without_keys(hint[0])})" if hint is not None else ""
    unclosed = next((piece for piece in pieces(text) if has_no_end(text, piece)), None)
    place = _place(text, said) if unclosed is None else unclosed.start
    if unclosed is None and or_at > (-1 if place is None else place):
        place, ending = or_at, ""
    if place is None:
        return StatementError(f"the statement does not parse: {' '.join(masked(said).split())}")
    if unclosed is not None:
        ending = (
            "; this comment has no end: write */"
            if unclosed.kind == COMMENT
            else "; this quote has no end, or one before it is missing"
        )
    elif (
        text[:place].strip()
        and _BEGINS.match(text, place)
        and not text[_line_of(text, place) : place].strip()
    ):
        ending = "; is a semicolon missing before it?"
    elif TYPOGRAPHIC.intersection(text[max(0, place - 1) : place + 1]):
        ending = "; write straight quotes: '…'"
    line = first_line + text.count("\n", 0, place)
    begin = _line_of(text, place)
    column = place - begin + (1 if begin else first_column)
    near = "near" if text[place:].strip(" ;\n") else "after"
    where = f"syntax error in line {line}, column {column}"
    return StatementError(
        f"{where}, {near} {_around(text, place)!r}{ending}", place=place, brief=f"{where}{ending}"
    )


def with_excerpt(error: StatementError, text: str, first_line: int = 1) -> StatementError:
    """Return an error with the line of its statement and a caret under the place, where that is known.

    Args:
        error: The error.
        text: The statement.
        first_line: The number of its first line in its script.
    """
    if error.place is None:
        return error
    return error.replace(excerpt=_excerpt(text, error.place, first_line))


def _excerpt(text: str, place: int, first_line: int) -> tuple[str, ...]:
    """Return the two lines; none where a key may stand across the place, and a mask would move the caret."""
    if not text[place:].strip(" ;\r\n\t"):  # all of it was read, and more is wanted
        place = len(text.rstrip(" ;\r\n\t"))
    begin, end = _line_of(text, place), text.find("\n", place)
    before = _line(text, begin, place).lstrip() if begin else _line(text, begin, place)
    after = _line(text, place, len(text) if end < 0 else end).rstrip()
    if _without_secrets(before + after) != before + after:
        return ()
    while _cells(before) > _SIDE:
        before = "…" + before[2:]
    while _cells(after) > _SIDE:
        after = after[:-2] + "…"
    label = f"LINE {first_line + text.count(chr(10), 0, place)}: "
    return f"{label}{before}{after}", " " * (len(label) + _cells(before)) + "^"


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text fills."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.category(sign) in ("Mn", "Me", "Cf") for sign in text)


def _line(text: str, begin: int, end: int) -> str:
    """Return a part of a line, masked; what moves the cursor is written out."""
    return visible(_without_secrets(_shown(text, begin, end).replace("\t", " ")))


def _without_secrets(text: str) -> str:
    return _LONG_WORD.sub(MASK, without_keys(text, strict=True))


def _line_of(text: str, place: int) -> int:
    """Return the place at which the line of another place begins."""
    return text.rfind("\n", 0, place) + 1


def masked(text: str) -> str:
    """Return a text without its text constants and without what looks like a key."""
    return _LONG_WORD.sub(MASK, without_keys(_shown(text, 0, len(text))))


def _place(text: str, said: str) -> int | None:
    """Return the place that the parser marks, or None."""
    quoted = [line[1:] for line in said.splitlines() if line.startswith(">")]
    marker = next((line for line in said.splitlines() if re.fullmatch(r"-+\^+", line)), None)
    if not quoted or marker is None:
        return None
    # The parser shows the last lines up to the place, without blank ones.
    lines = [(number, line) for number, line in enumerate(text.split("\n")) if line.strip()]
    count = len(quoted)
    for end in range(count, len(lines) + 1):
        shown = lines[end - count : end]
        if all(_same(line, other) for (_, line), other in zip(shown, quoted, strict=True)):
            number, line = shown[-1]
            indented = len(line) - len(line.lstrip()) - len(quoted[-1]) + len(quoted[-1].lstrip())
            begin = sum(len(one) + 1 for one in text.split("\n")[:number])
            return begin + max(0, marker.index("^") - 1 + indented)
    return None


def _same(line: str, quoted: str) -> bool:
    return line.strip().rstrip(";").rstrip() == quoted.strip().rstrip(";").rstrip()


def _around(text: str, start: int) -> str:
    """Return the words around a place of its line, masked."""
    begin = max(_line_of(text, start), start - _AROUND)
    end = text.find("\n", start)
    end = min(len(text) if end < 0 else end, start + _AROUND)
    return _LONG_WORD.sub(MASK, without_keys(_shown(text, begin, end))).strip()


def _shown(text: str, begin: int, end: int) -> str:
    """Return a part of a text in which hidden places are masked."""
    pieces: list[str] = []
    hidden = _hidden(text)
    position = begin
    while position < end:
        if not hidden[position]:
            pieces.append(text[position])
            position += 1
            continue
        pieces.append(f"'{MASK}'")
        while position < end and hidden[position]:
            position += 1
    return "".join(pieces)


def _hidden(text: str) -> bytearray:
    """Return for each character whether it is hidden: of a constant, or of a value whose name is secret."""
    hidden = bytearray(len(text))
    # Whether a backslash before a quote escapes it is not known of a text that does not parse.
    for has_escapes in (True, False) if "\\" in text else (True,):
        position = 0
        while position < len(text):
            closing = _QUOTES.get(text[position])
            if closing is None:
                position += 1
                continue
            last = _end_of_constant(text, position, closing, has_escapes=has_escapes)
            hidden[position:last] = b"\1" * (last - position)
            position = last
    _hide_what_touches_quotes(text, hidden)
    for name in _SECRET.finditer(text):
        value = _VALUE.match(text, name.end())
        if value is not None and not hidden[name.start()]:
            length = len(value[0])
            hidden[value.start() : value.end()] = b"\1" * length
    return hidden


def _hide_what_touches_quotes(text: str, hidden: bytearray) -> None:
    """Hide the words that stand at a quote, inside of it or outside.

    After a quote that is missing or too many, what is inside of constants is taken for what is outside.
    """
    signs = {*_QUOTES, "`"} if _SECRET.search(text) else {*_QUOTES}
    places = [place for place, sign in enumerate(text) if sign in signs]
    for place, following in pairwise([*places, len(text)]):
        end = place + 1
        while end < following and text[end] not in _BESIDE:
            end += 1
        begin = place
        while begin and text[begin - 1] not in _BESIDE and text[begin - 1] not in signs:
            begin -= 1
        is_inside = end > place + 1 and following < len(text) and text[following - 1] not in _BESIDE
        hidden[begin:place] = b"\1" * (place - begin)
        # A quote that looks like the first one hides all of its line, in case that the second one is missing.
        is_first = end > place + 1 and (place == 0 or text[place - 1] in _BESIDE)
        line_end = text.find("\n", place) if is_first and "\n" in text[place:following] else following
        last = following if is_inside else line_end if is_first else end
        hidden[place + 1 : last] = b"\1" * (last - place - 1)


def _end_of_constant(text: str, start: int, closing: str, *, has_escapes: bool) -> int:
    """Return the place after a constant; without an end it goes to the end of the text."""
    position = start + 1
    while position < len(text):
        if text[position] == "\\" and has_escapes:
            position += 1
        elif text[position] in closing:
            return position + 1
        position += 1
    return len(text)
