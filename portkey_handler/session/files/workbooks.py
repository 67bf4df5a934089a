"""Sheets of Excel workbooks as rows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import python_calamine

from ...errors import NotFoundError, StatementError, closest
from ..arrow_frames import from_frame
from ..table import Table
from .headers import named


def sheet_names(content: bytes) -> list[str]:
    """Return the names of the sheets that hold cells; charts have none.

    Raises:
        ValueError: It is no workbook.
    """
    with _book(content) as book:
        return _names(book)


def read_sheet(content: bytes, table: str, sheet: str | None) -> Table:
    """Return the rows of a sheet. Its first row with cells names the columns.

    Args:
        content: The workbook.
        table: The workbook's table, for messages.
        sheet: The sheet; None: the only one.

    Raises:
        NotFoundError: There is no such sheet.
        StatementError: A sheet must be named.
        ValueError: It is no workbook, or the sheet has no cells.
    """
    with _book(content) as book:
        name = _sheet_name(_names(book), table, sheet)
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    filled = [row for row in rows if any(cell != "" for cell in row)]
    if not filled:
        raise ValueError(f"the sheet {name} is empty; a first row with the columns' names is needed")
    return _table(filled[0], filled[1:])


def _names(book: Any) -> list[str]:
    kind = python_calamine.SheetTypeEnum.WorkSheet
    return [sheet.name for sheet in book.sheets_metadata if sheet.typ == kind]


def _sheet_name(names: Sequence[str], table: str, sheet: str | None) -> str:
    """Return the name of the sheet that is meant; see `read_sheet` for the errors."""
    listed = ", ".join(f"files.{table}.`{name}`" for name in names)
    if sheet is None:
        if len(names) != 1:
            raise StatementError(f"files.{table} has {len(names)} sheets; write one of {listed}")
        return names[0]
    found = [name for name in names if name == sheet] or [
        name for name in names if name.casefold() == sheet.casefold()
    ]
    if len(found) == 1:
        return found[0]
    close = closest(sheet, names)
    hint = f"did you mean files.{table}.`{close}`?" if close else f"there are: {listed}"
    raise NotFoundError(f"files.{table} has no sheet {sheet}; {hint}")


@contextmanager
def _book(content: bytes) -> Iterator[Any]:
    """Open a workbook; what goes wrong with it is a ValueError."""
    try:
        yield python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    except python_calamine.PasswordError:
        raise ValueError("it is protected by a password; save it without one") from None
    except python_calamine.CalamineError as error:
        raise ValueError(f"it is no Excel workbook ({error})") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, for a file that is broken in an unknown way
            raise
        raise ValueError("it is no Excel workbook that can be read") from None


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Table:
    names = [_plain(cell) for cell in header]
    columns: list[list[Any]] = [
        [None if row[place] == "" else row[place] for row in rows] for place in range(len(names))
    ]
    while len(names) > 1 and names[-1] is None and not any(cell is not None for cell in columns[-1]):
        names.pop()
        columns.pop()
    shown = named([None if name is None else str(name) for name in names])
    frame = pd.DataFrame(
        dict(enumerate(pd.Series(_values(column), dtype=object) for column in columns)),
        index=pd.RangeIndex(len(rows)),
    )
    frame.columns = pd.Index(shown, dtype=object)
    found = from_frame(frame)
    texts = {
        place: pa.array([None if cell is None else str(_plain(cell)) for cell in column], pa.string())
        for place, column in enumerate(columns)
        if pa.types.is_floating(found.arrow.column(place).type)
    }
    return replace(found, texts=texts)  # Excel shows 10, and not 10.0


def _plain(cell: Any) -> Any:
    if cell == "":
        return None
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _values(column: Sequence[Any]) -> list[Any]:
    """Return the cells of a column: whole numbers where all are whole, and times where some dates have one.

    Excel knows one kind of number only. A column of numbers and texts becomes one of texts, with `7` for 7.
    """
    present = [cell for cell in column if cell is not None]
    numbers = [cell for cell in present if isinstance(cell, float)]
    if numbers and all(cell.is_integer() and abs(cell) < 2**53 for cell in numbers):
        return [int(cell) if isinstance(cell, float) else cell for cell in column]
    if numbers and len(numbers) < len(present):
        return [_plain(cell) for cell in column]
    if {type(cell) for cell in present} == {date, datetime}:
        return [datetime(one.year, one.month, one.day) if type(one) is date else one for one in column]
    return list(column)
