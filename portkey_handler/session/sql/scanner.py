"""Where the comments, the texts and the quoted names of a statement are, before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

COMMENT = "comment"
_COLON_AND_WORD = re.compile(r"(?<!:):(?=[A-Za-z_])")
_ESCAPE = re.compile(r"\bescape\s*$", re.IGNORECASE)


class Piece(NamedTuple):
    """A comment, a text or a quoted name as a whole, or one character beside them.

    Attributes:
        kind: `COMMENT`, the quote that the piece begins with, or an empty text.
        start: The place of its first character.
        end: The place after its last one; that of the text where it is not closed.
    """

    kind: str
    start: int
    end: int


def has_no_end(text: str, piece: Piece) -> bool:
    """Return whether a text or a comment goes to the end of everything because it is not closed."""
    if piece.kind == COMMENT:
        return text.startswith("/*", piece.start) and (
            piece.end - piece.start < 4 or not text.endswith("*/", piece.start, piece.end)
        )
    return piece.kind in ("'", '"') and (text[piece.end - 1] != piece.kind or piece.end - 1 == piece.start)


def pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a text, in order."""
    position = 0
    while position < len(text):
        kind, end = "", _end_of_comment(text, position)
        if end is not None:
            kind = COMMENT
        elif text[position] in "'\"`":
            kind, end = text[position], _end_of_quote(text, position)
        else:
            end = position + 1
        yield Piece(kind, position, end)
        position = end


def outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    """Yield positions and characters outside of strings, quoted names and comments."""
    return ((piece.start, text[piece.start]) for piece in pieces(text) if not piece.kind)


def colons_apart(text: str) -> str:
    """Return a text with a blank after each colon before a word.

    The host's parser reads the `:true` of compact JSON as the name of a parameter.
    """
    if _COLON_AND_WORD.search(text) is None:
        return text
    places = {found.start() for found in _COLON_AND_WORD.finditer(text)}
    return "".join(
        f"{text[start:end]} " if not kind and start in places else text[start:end]
        for kind, start, end in pieces(text)
    )


def in_double_quotes(text: str) -> frozenset[str]:
    """Return the texts that stand in double quotes, and not in single ones too."""
    found: dict[str, set[str]] = {"'": set(), '"': set()}
    for kind, start, end in pieces(text):
        if kind in found:
            found[kind].add(text[start + 1 : end - 1])
    return frozenset(found['"'] - found["'"])


def _end_of_comment(text: str, start: int) -> int | None:
    for opening, closing in (("--", "\n"), ("/*", "*/")):
        if text.startswith(opening, start):
            found = text.find(closing, start + 2)
            return len(text) if found < 0 else found + len(closing)
    return None


def is_one_backslash(text: str, start: int) -> bool:
    r"""Return whether a quote begins the text of `LIKE … ESCAPE '\'`, whose backslash escapes nothing."""
    return (
        text.startswith("'\\'", start)
        and not text.startswith("'", start + 3)
        and _ESCAPE.search(text, max(0, start - 60), start) is not None
    )


def _end_of_quote(text: str, start: int) -> int:
    if is_one_backslash(text, start):
        return start + 3
    quote = text[start]
    position = start + 1
    while position < len(text):
        if text[position] == "\\" and quote != "`":
            position += 2
        elif text[position] == quote:
            # A doubled quote closes and opens the string again, which makes no difference for splitting.
            return position + 1
        else:
            position += 1
    return len(text)
