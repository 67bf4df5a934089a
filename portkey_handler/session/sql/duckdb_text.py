"""The text of a statement as DuckDB's own parser takes it.

This package's statements have names in backticks, texts in double quotes, JOIN without ON and USING at the
end. DuckDB's do not.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from .scanner import COMMENT, has_no_end, pieces
from .syntax_errors import TYPOGRAPHIC

#: The condition that stands for a JOIN without ON.
NO_CONDITION = "__portkey_no_condition"
_WORD = re.compile(r"\w+")
_ENDS_JOIN = frozenset(
    ("join", "inner", "left", "right", "full", "cross", "natural", "asof", "positional", "on", "using",
     "where", "group", "having", "qualify", "order", "limit", "offset", "union", "intersect", "except",
     "window", "select", "semi", "anti")
)  # fmt: skip
_OTHER_JOINS = ("cross", "natural", "positional")
_OPTION = re.compile(r"using\s+[\w.`]+\s*=", re.IGNORECASE)
#: The beginning of a query.
QUERY = re.compile(r"\(*\s*(?:select|from|with)\b", re.IGNORECASE)


@dataclass(frozen=True)
class DuckDBText:
    """A query for DuckDB's parser.

    Attributes:
        text: The text.
        using: The USING clause that was cut off its end, or an empty text.
    """

    text: str
    using: str
    _insertions: tuple[tuple[int, int], ...]

    def place(self, position: int) -> int:
        """Return the place in the statement for one in the text (a number of bytes in UTF-8)."""
        place = len(self.text.encode()[:position].decode(errors="ignore"))
        added = 0
        for start, length in self._insertions:
            if start + added >= place:
                break
            added += min(length, place - start - added)
        return place - added


def duckdb_text(statement: str) -> DuckDBText | None:
    """Return a query as DuckDB's parser takes it, or None for what is no query."""
    if any(has_no_end(statement, piece) for piece in pieces(statement)):
        return None
    plain = without_quotes(statement)
    if not QUERY.match(plain.lstrip()) or not TYPOGRAPHIC.isdisjoint(plain):
        return None
    end = next((one.start() for one in _OPTION.finditer(plain) if _depth(plain, one.start()) == 0), None)
    using = "" if end is None else statement[end:]
    places = _joins_without_condition(plain[:end])
    text = _requoted(statement[:end], plain)
    if len(text) != len(statement[:end]):  # a double quote within a text has moved what is behind it
        places = _joins_without_condition(without_quotes(text))
    insertion = f" ON {NO_CONDITION} "
    found, last = [], 0
    for place in places:
        found += [text[last:place], insertion]
        last = place
    return DuckDBText(
        "".join([*found, text[last:]]), using, tuple((place, len(insertion)) for place in places)
    )


def without_quotes(text: str) -> str:
    """Return a text of the same length in which comments are blank and what is quoted is a word."""
    shown = []
    for kind, start, end in pieces(text):
        if not kind:
            shown.append(text[start])
        else:
            shown.append((" " if kind == COMMENT else "0") * (end - start))
    return "".join(shown)


def _requoted(text: str, plain: str) -> str:
    """Return a text with names in double quotes, texts in single ones, and blanks for comments."""
    shown: list[str] = []
    last = ""
    for kind, start, end in pieces(text):
        written = text[start:end]
        inner = written[1:-1]
        if kind == COMMENT:  # DuckDB's can stand in one another
            written = re.sub(r"\S", " ", written)
        elif kind == "`":
            written = '"' + inner.replace('"', '""') + '"'
        elif kind == "'":
            written = _single(inner)
        elif kind == '"' and not plain[:start].rstrip().endswith("."):
            written = _single(inner)
            if last == '"' and text[start - 1] == '"':  # a doubled quote
                shown[-1], written = shown[-1][:-1], '"' + written[1:]
        shown.append(written)
        last = kind
    return "".join(shown)


def _single(inner: str) -> str:
    """Return a text in single quotes; a backslash before a quote of either kind is none, as in MindsDB."""
    return "'" + re.sub(r"\\(['\"])", r"\1", inner).replace("'", "''") + "'"


def _depth(plain: str, place: int) -> int:
    return plain.count("(", 0, place) - plain.count(")", 0, place)


def _joins_without_condition(plain: str) -> list[int]:
    """Return the places at which the tables of a JOIN without a condition end."""
    words = [(one.start(), one[0].lower()) for one in _WORD.finditer(plain)]
    starts = [start for start, _ in words]
    places = []
    for number, (start, word) in enumerate(words):
        if word != "join" or (number and words[number - 1][1] in _OTHER_JOINS):
            continue
        end, is_bare = _end_of_table(plain, start + len(word), words, starts)
        if is_bare:
            places.append(len(plain[:end].rstrip()))
    return places


def _end_of_table(
    plain: str, position: int, words: list[tuple[int, str]], starts: list[int]
) -> tuple[int, bool]:
    """Return where a joined table ends, and whether no ON or USING follows it."""
    depth = 0
    while position < len(plain):
        character = plain[position]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                return position, True
        elif not depth and character in ",;":
            return position, True
        elif not depth and _WORD.match(character):
            start, word = words[bisect_right(starts, position) - 1]
            if start == position and word in _ENDS_JOIN:
                return position, word not in ("on", "using")
            position = start + len(word)
            continue
        position += 1
    return len(plain), True
