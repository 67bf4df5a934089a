"""The formats of files: every digit and character, or an error; never a cell that is cut in silence."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal
from typing import Any

import openpyxl
import pandas as pd
import pytest

from portkey_handler.errors import InputError, StatementError, UsageError
from portkey_handler.session.result_bytes import FileFormat, content_of, text_of


def column(*cells: Any) -> pd.DataFrame:
    """Return a frame with one column of objects."""
    return pd.DataFrame({"x": pd.Series(list(cells), dtype=object)})


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (1e-12, "1e-12"),
        (0.1234567890123456, "0.1234567890123456"),
        ([1e-12, 0.1], "[1e-12,0.1]"),
        (Decimal("1.10"), "1.10"),
        ({"price": [Decimal("1.10"), None]}, '{"price":[1.10,null]}'),
        (2**70, str(2**70)),
        (datetime.date(2026, 1, 2), '"2026-01-02"'),
        (pd.Timestamp("2026-01-02T03:04:05.678901"), '"2026-01-02T03:04:05.678901"'),
        (pd.NaT, "null"),
        (float("nan"), "null"),
        (b"abc", '"abc"'),
        (r"a\/b", r'"a\\/b"'),
        ("é/\x9b", '"é/\x9b"'),
    ],
)
def test_json_has_every_digit(cell: Any, written: str) -> None:
    """Numbers had 10 decimals: 1e-12 was 0, and so were small numbers in vectors; a date had a time."""
    assert text_of(column(cell), "jsonl") == f'{{"x":{written}}}\n'
    assert text_of(column(cell), "json") == f'[{{"x":{written}}}]\n'


def test_columns_of_numbers_have_every_digit_too() -> None:
    """And whole numbers beside NULL stay whole."""
    frame = pd.DataFrame({"f": [1e-12, 1 / 3], "i": pd.array([2**60 + 1, None], dtype="Int64")})
    first, second = map(json.loads, text_of(frame, "jsonl").splitlines())
    assert first == {"f": 1e-12, "i": 2**60 + 1}
    assert second == {"f": 1 / 3, "i": None}


def test_csv_has_objects_as_json_and_bytes_as_text() -> None:
    """Both were as Python writes them: {'a': None}, b'abc'."""
    text = text_of(column({"a": None}, [1, "é"], b"abc", None, 2), "csv")
    assert text == 'x\n"{""a"":null}"\n"[1,""é""]"\nabc\n""\n2\n'


@pytest.mark.parametrize("fmt", ["csv", "json", "jsonl", "xlsx"])
def test_bytes_that_are_no_text_are_an_error(fmt: FileFormat) -> None:
    """It was a traceback of pandas, or what Python writes."""
    with pytest.raises(InputError) as error:
        content_of(column(b"\xff"), fmt)
    assert str(error.value) == (
        "the bytes are not UTF-8 text (first at position 0); decode them in the SELECT, for example with "
        "to_base64(column) or hex(column)"
    )


@pytest.mark.parametrize("fmt", ["csv", "json", "jsonl", "parquet", "xlsx"])
def test_no_rows_have_their_columns(fmt: FileFormat) -> None:
    """In the formats that name columns without rows."""
    content = content_of(pd.DataFrame({"a": pd.Series(dtype=object), "b": pd.Series(dtype=float)}), fmt)
    expected = {"csv": b"a,b\n", "json": b"[]\n", "jsonl": b""}
    if fmt in expected:
        assert content == expected[fmt]
    else:
        file = io.BytesIO(content)
        read = pd.read_parquet(file) if fmt == "parquet" else pd.read_excel(file, engine="openpyxl")
        assert list(read.columns) == ["a", "b"]


def test_a_sheet_writes_out_what_acts_on_a_terminal_in_names() -> None:
    """A control character in a column's name was a traceback of openpyxl."""
    sheet = openpyxl.load_workbook(io.BytesIO(content_of(pd.DataFrame({"a\x1b": [1]}), "xlsx"))).active
    assert [cell.value for row in sheet.iter_rows() for cell in row] == [r"a\x1b", 1]


def test_a_sheet_has_no_room_for_a_long_text() -> None:
    """It was cut at 32,767 characters."""
    content_of(column("x" * 32_767), "xlsx")
    with pytest.raises(UsageError) as error:
        content_of(column("x" * 32_768), "xlsx")
    assert str(error.value) == (
        "a cell of a sheet has room for 32,767 characters, and one of the result has 32,768; write .csv or "
        ".parquet"
    )


@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 1), (1, 16_385)])
def test_a_sheet_has_no_room_for_so_much(rows: int, columns: int) -> None:
    """It was a traceback of openpyxl."""
    with pytest.raises(UsageError) as error:
        content_of(pd.DataFrame(0, index=range(rows), columns=range(columns)), "xlsx")
    assert str(error.value) == (
        f"a sheet has room for 1,048,575 rows and 16,384 columns, and the result has {rows:,} and "
        f"{columns:,}; write .csv or .parquet"
    )


def test_a_column_that_parquet_cannot_hold_is_named() -> None:
    """Arrow's own error came through."""
    frame = column(("a", 1), {"b": 2}).assign(good=[1, 2], empty=column({}, {})["x"])
    with pytest.raises(StatementError) as caught:
        content_of(frame, "parquet")
    assert str(caught.value) == (
        "a Parquet file cannot hold the column x, empty; select its text: CAST(… AS TEXT)"
    )
