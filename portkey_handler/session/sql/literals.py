"""Texts that begin or end with a quote or a backslash, which the host's parser would strip.

It removes all quotes at both ends of a text, not only the two that enclose it, and a backslash before the
last one. Such texts are replaced by others before the statement is parsed, and put back into its tree.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

#: How the text begins that stands for a parameter until the statement is parsed.
PARAMETER = "portkey_parameter_"
#: The parser's own patterns of texts; comments and names in backticks are passed over.
_TOKENS = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|$)|`[^`]*`"
    r"|(?P<single>'(?:\\.|[^'])*(?:''(?:\\.|[^'])*)*')|(?P<double>\"(?:\\.|[^\"])*(?:\"\"(?:\\.|[^\"])*)*\")",
    re.DOTALL,
)


def protected(text: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return a statement in which such texts are replaced.

    Returns:
        The statement, and for each replacement the text that was meant and how it was written.
    """
    kept: dict[str, tuple[str, str]] = {}
    mark = f"portkey_text_{secrets.token_hex(8)}_"

    def replaced(found: re.Match[str]) -> str:
        written = found[0]
        if found.lastgroup is None:
            return written
        meant = _meant(written)
        if written[0] not in (meant[:1], meant[-1:]) and not written[:-1].endswith("\\"):
            return written
        name = f"{mark}{len(kept)}"
        kept[name] = (meant, written)
        return f"{written[0]}{name}{written[0]}"

    return _TOKENS.sub(replaced, text), kept


def put_back(part: Any, kept: Mapping[str, tuple[str, str]], node: type) -> Any:
    """Return a part of a parsed statement with the texts that were meant.

    Args:
        part: A part of the tree.
        kept: What `protected` returned.
        node: The class of the tree's nodes.
    """
    if isinstance(part, str):
        if part in kept:
            return kept[part][0]
        for name, (_, written) in kept.items():  # the text of a query that is parsed later
            for quote in "'\"":
                part = part.replace(f"{quote}{name}{quote}", written)
        return part
    if isinstance(part, (list, tuple)):
        return type(part)(put_back(one, kept, node) for one in part)
    if isinstance(part, dict):
        return {put_back(name, kept, node): put_back(one, kept, node) for name, one in part.items()}
    if isinstance(part, node):
        for name, one in list(vars(part).items()):
            setattr(part, name, put_back(one, kept, node))
    return part


def _meant(written: str) -> str:
    """Return the text of a token: doubled quotes are one, and a quote may stand behind a backslash."""
    quote, inside = written[0], written[1:-1]
    pattern = r"\\(['\"])|" + quote * 2
    return re.sub(pattern, lambda found: found[1] or quote, inside)
