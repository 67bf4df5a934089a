"""Options that one USING gives twice: the parser keeps the last value, in silence."""

from __future__ import annotations

import re

from ...errors import StatementError
from .scanner import COMMENT, pieces

_USING = re.compile(r"\busing\b", re.IGNORECASE)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def doubled_option(text: str) -> StatementError | None:
    """Return the error of the first option that a USING of a statement gives twice, or None.

    `USING dry_run = true, dry_run = false` would send what somebody wanted to estimate.
    """
    first = _USING.search(text)
    if first is None:
        return None
    for part in _USING.split(_without_values(text[first.start() :]))[1:]:
        seen: set[str] = set()
        for name in _names(part):
            if name in seen:
                return StatementError(f"USING gives {name} twice; leave one of them out")
            seen.add(name)
    return None


def _without_values(text: str) -> str:
    """Return a text without comments, and with a sign in place of each text constant that is a value."""
    kept: list[str] = []
    for kind, start, end in pieces(text):
        if kind in ("", "`"):
            kept.append(text[start:end].strip("`"))
        elif kind != COMMENT:
            is_name = kind == '"' and text[end:].lstrip().startswith("=")
            kept.append(text[start + 1 : end - 1] if is_name else "'")
        else:
            kept.append(" ")
    return "".join(kept)


def _names(part: str) -> list[str]:
    """Return the names of `a = 1, b = {...}` in lower case, up to the bracket that ends the clause."""
    terms, depth = [""], 0
    for sign in part:
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if depth < 0:
            break
        if sign == "," and not depth:
            terms.append("")
        else:
            terms[-1] += sign
    return [name.strip().lower() for name, equals, _ in (term.partition("=") for term in terms) if equals]
