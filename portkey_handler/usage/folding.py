"""Lines for people: folded between words where they are wider than the terminal."""

from __future__ import annotations

import os
import textwrap
from typing import TextIO


def folded(text: str, stream: TextIO, *, indent: str | None = None) -> str:
    """Return a text as a stream shows it best: on a terminal, no line is broken inside a word.

    A word that is wider than the terminal, such as a path, stays whole, so that it can be copied. For a pipe
    or a file, the text stays as it is.

    Args:
        text: One line, or several.
        stream: Where it will be written.
        indent: What stands before the rest of a folded line; by default, the blanks that it begins with.
    """
    width = _width(stream)
    if width is None:
        return text
    return "\n".join(_lines(line, width, indent) for line in text.split("\n"))


def _lines(line: str, width: int, indent: str | None) -> str:
    if len(line) <= width:
        return line
    wrapped = textwrap.wrap(
        line,
        width,
        subsequent_indent=line[: len(line) - len(line.lstrip())] if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        expand_tabs=False,
    )
    return "\n".join(wrapped)


def _width(stream: TextIO) -> int | None:
    """Return the width of a terminal in characters; None for what is no terminal, or does not say it."""
    try:
        if not stream.isatty():
            return None
        said = os.environ.get("COLUMNS", "")
        return (int(said) if said.isdigit() else 0) or os.get_terminal_size(stream.fileno()).columns or None
    except (AttributeError, OSError, ValueError):
        return None
