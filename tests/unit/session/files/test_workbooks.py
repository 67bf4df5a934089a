"""Excel workbooks: each sheet is a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.session import Session

Open = Callable[..., Session]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook with several sheets, as people have them."""
    workbook = openpyxl.Workbook()
    first: Any = workbook.active
    first.title = "Orders 2026"
    for row in (
        ["id", "price", "when", "day", "code", "paid", "took", "at", "mixed", "sparse", None],
        [
            1,
            1.1,
            datetime(2026, 1, 2, 3, 4, 5),
            date(2026, 1, 2),
            "007",
            True,
            timedelta(hours=30),
            time(8, 30),
            7,
            None,
            None,
        ],
        [2, 10, None, None, " a\nb ", False, None, None, "seven", None, None],
        [None] * 11,
        [3, 2.5, None, None, "#N/A", None, None, None, 1.5, 4, None],
    ):
        first.append(row)
    second = workbook.create_sheet("shifted")
    second["B3"], second["C3"], second["B4"], second["C5"] = "x", "y", 1, "z"
    workbook.create_sheet("empty")
    workbook.create_chartsheet("chart")
    workbook.save(tmp_path / "book.xlsx")
    return tmp_path


def rows(frame: Any) -> list[Any]:
    """Return the rows, with None for NULL."""
    return [
        [None if is_null(cell) else cell for cell in row] for row in frame.to_numpy(dtype=object).tolist()
    ]


def test_a_sheet_is_a_table(open_session: Open, book: Path) -> None:
    """Its first row names the columns; blank rows and nameless empty columns are left out."""
    session = open_session()
    found = session.sql("SELECT * FROM files.book.`orders 2026`")

    assert list(found.columns) == [
        "id",
        "price",
        "when",
        "day",
        "code",
        "paid",
        "took",
        "at",
        "mixed",
        "sparse",
    ]
    assert found["id"].tolist() == [1, 2, 3]
    assert rows(found[["price", "code", "paid", "mixed", "sparse"]]) == [
        [1.1, "007", True, "7", None],
        [10.0, " a\nb ", False, "seven", None],
        [2.5, None, None, "1.5", 4],
    ]
    first = found.iloc[0]
    assert first["when"] == datetime(2026, 1, 2, 3, 4, 5)
    assert (first["day"], first["took"], first["at"]) == (date(2026, 1, 2), timedelta(hours=30), time(8, 30))
    assert rows(session.sql("SELECT * FROM files.book.shifted")) == [[1, None], [None, "z"]]


def test_a_prompt_gets_what_excel_shows(open_session: Open, book: Path, asked: Any) -> None:
    """Excel has one kind of number: 10 is not 10.0."""
    session = open_session()
    session.sql(
        "CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT a USING engine = 'e', column = 'price'"
    )
    session.sql("SELECT m.a FROM files.book.`Orders 2026` AS t JOIN m")

    assert [to_text(cell) for cell in asked.frames[0]["price"]] == ["1.1", "10", "2.5"]


def test_show_files_lists_sheets(open_session: Open, book: Path) -> None:
    """Charts have no rows."""
    shown = open_session().sql("SHOW FILES")

    assert shown["NAME"].tolist() == ["book.Orders 2026", "book.empty", "book.shifted"]
    assert shown["FORMAT"].tolist() == ["xlsx"] * 3


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT * FROM files.book",
            "files.book has 3 sheets; write one of files.book.`Orders 2026`, files.book.`shifted`, files.book.`empty`",
        ),
        (
            "SELECT * FROM files.book.shifte",
            "files.book has no sheet shifte; did you mean files.book.`shifted`?",
        ),
        (
            "SELECT * FROM files.book.empty",
            "files.book (book.xlsx) cannot be read: the sheet empty is empty; a first row with the columns' names is needed",
        ),
        (
            "INSERT INTO files.book (id) VALUES (1)",
            "files.book is a workbook, which is only read; CREATE TABLE files.… (SELECT … FROM files.book) makes a "
            "table that can be added to",
        ),
    ],
)
def test_errors_name_the_sheets(open_session: Open, book: Path, statement: str, message: str) -> None:
    """And what to write."""
    with pytest.raises(PortkeyHandlerError, match=f"^{re.escape(message)}$"):
        open_session().sql(statement)


def test_the_only_sheet_needs_no_name(open_session: Open, tmp_path: Path) -> None:
    """As most workbooks have one."""
    workbook = openpyxl.Workbook()
    sheet: Any = workbook.active
    sheet.append(["a"])
    sheet.append([9400111899223100001234])
    workbook.save(tmp_path / "one.xlsx")

    assert open_session().sql("SELECT a FROM files.one")["a"].tolist() == [9400111899223100001234.0]
