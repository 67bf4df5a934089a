"""The names of the columns of files that have a header."""

from __future__ import annotations

from collections.abc import Sequence

from ..sql.expressions import unique


def column_names(headers: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of the columns of tables with these headers, each once."""
    found: dict[str, str] = {}
    for header in headers:
        for name in named(header):
            found.setdefault(name.lower(), name)
    return list(found.values())


def named(header: Sequence[str | None]) -> list[str]:
    """Return a name for each cell of a header: an empty one and a repeated one get a number."""
    return unique([cell or f"column_{place}" for place, cell in enumerate(header, start=1)])
