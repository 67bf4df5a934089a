"""A result as text for people: a table, or record by record where a table does not fit the terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..foreign_text import visible
from ..prompts.cell_text import is_null, to_text
from .formatting import counted

#: `auto` writes records where a table does not fit.
Layout = Literal["auto", "table", "records"]

MOST_ROWS_SHOWN = 100
_MOST_TEXT_SHOWN = 400
#: The most cells of a text in a table that does not fit otherwise.
_MOST_IN_A_TABLE = 60
#: Digits of a number that people read, digits behind its point, and the most that such a number has.
_DIGITS = 6
_BEHIND_POINT = 2
_ALL_DIGITS = 15


def print_table(
    names: Iterable[str],
    rows: Iterable[Sequence[Any]],
    total: int,
    *,
    layout: Layout = "table",
    wide: bool = False,
    is_counted: bool = True,
) -> None:
    """Write rows to stdout as text, and their number to stderr.

    Args:
        names: Names of the columns.
        rows: The rows, or the first `MOST_ROWS_SHOWN` of them.
        total: Number of all rows.
        layout: How they are written.
        wide: Whether numbers have all their digits and texts all their characters.
        is_counted: Whether their number is written; without it, only that some are not shown.
    """
    console = Console()
    shown = [visible(name) for name in names]
    cells = [[_cell(cell, wide=wide) for cell in row] for row in rows]
    if layout == "records" or (layout == "auto" and not wide and not _fits(shown, cells, console.width)):
        _print_records(console, shown, cells)
    else:
        _print_table(console, shown, cells, folds=not wide)
    hidden = total - MOST_ROWS_SHOWN
    more = f", {hidden:,} of them not shown; --format csv shows all" if hidden > 0 else ""
    if is_counted or more:
        print(counted(total, "row") + more, file=sys.stderr)  # noqa: T201 - the command line's output


def _cell(cell: Any, *, wide: bool) -> Text:
    if is_null(cell):
        return Text("NULL", style="dim")
    if isinstance(cell, float) and not wide:
        return Text(_short(cell))
    text = to_text(cell)
    if len(text) > _MOST_TEXT_SHOWN and not wide:
        text = f"{text[: _MOST_TEXT_SHOWN - 1]}… ({len(text):,} characters)"
    return Text(visible(text))


def _short(number: float) -> str:
    """Return a number with few digits; all before its point, because it may be an id or a sum."""
    whole = len(f"{abs(number):.0f}") if math.isfinite(number) else 0
    return f"{number:.{min(max(_DIGITS, whole + _BEHIND_POINT), _ALL_DIGITS)}g}"


def _fits(names: Sequence[str], rows: Sequence[Sequence[Text]], width: int) -> bool:
    """Return whether a table, with long lines folded, is as narrow as the terminal."""
    widths = [cell_len(name) for name in names]
    for row in rows:
        for place, cell in enumerate(row):
            longest = max(map(cell_len, cell.plain.split("\n")), default=0)
            widths[place] = max(widths[place], min(longest, _MOST_IN_A_TABLE))
    return sum(widths) + 3 * len(widths) + 1 <= width


def _print_table(
    console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]], *, folds: bool
) -> None:
    table = Table(show_lines=False)
    for name in names:
        table.add_column(Text(name), overflow="fold", no_wrap=not folds)
    for row in rows:
        table.add_row(*row)
    if folds:
        console.print(table)
    else:
        Console(width=10_000).print(table)


def _print_records(console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """Write each row as lines of `name | value`, as psql does."""
    width = max(map(cell_len, names), default=0)
    for number, row in enumerate(rows, start=1):
        console.print(Text(f"-[ {number} ]".ljust(width + 2, "-"), style="dim"))
        for name, cell in zip(names, row, strict=True):
            first, *others = cell.split("\n", allow_blank=True)
            head = Text(name + " " * (width - cell_len(name)), style="bold")
            console.print(Text.assemble(head, " | ", first), soft_wrap=True)
            for line in others:
                console.print(Text.assemble(" " * width, " | ", line), soft_wrap=True)
