"""DuckDB's errors in the user's words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import StatementError
from .sql.depth import too_deep


class DuckDBError(StatementError):
    """DuckDB has rejected a query, or it failed.

    Attributes:
        is_long_line: Whether a line of a CSV is longer than its buffer.
    """

    is_long_line: bool = False


def query_error(text: str, names: Mapping[str, str]) -> DuckDBError:
    """Return the error of a text of DuckDB's; `names` are private names to the user's."""
    if "Max expression depth limit" in text:
        return DuckDBError(too_deep().message)
    return DuckDBError(_message(text, names), is_long_line="line size" in text.lower())


def _message(text: str, names: Mapping[str, str]) -> str:
    for private in sorted(names, key=len, reverse=True):
        text = text.replace(f'"{private}"', names[private]).replace(private, names[private])
    text = re.sub(r"__portkey_\d+", "the data", text)
    # After this line DuckDB quotes the query, which is not the text that the user wrote.
    text = text.split("\nLINE ")[0].split("\nOriginal Line")[0]  # a line of a CSV has cells
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = " ".join(lines)[:500]
    if "ORDER BY non-integer literal" in first:
        return "binder error: ORDER BY has a text, which orders nothing; names of columns stand in backticks"
    if first.startswith(("Binder Error", "Catalog Error")):
        # DuckDB writes names in double quotes, in which this dialect has texts.
        first = re.sub(r'"((?:[^"]|"")+)"', lambda found: "`" + found[1].replace('""', '"') + "`", first)
    return re.sub(r"^(\w+) Error: ", lambda found: f"{found[1].lower()} error: ", first)
