"""The rows of a result in the format of a file: CSV, JSON, Parquet or a sheet of Excel."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..errors import UsageError
from ..foreign_text import visible
from ..prompts.cell_text import to_json, to_text
from ..prompts.cells import NumberText, Unreadable
from ..prompts.frames import objects

if TYPE_CHECKING:
    import pandas as pd

FileFormat: TypeAlias = Literal["csv", "json", "jsonl", "parquet", "xlsx"]
#: What a sheet has room for: rows with that of the names, columns, and characters of a cell.
_MOST_ROWS, _MOST_COLUMNS, _MOST_CHARACTERS = 1_048_576, 16_384, 32_767
_SMALLER = "write .csv or .parquet"


def content_of(frame: pd.DataFrame, fmt: FileFormat) -> bytes:
    """Return the content of a file.

    Raises:
        UsageError: The format has no room for the rows, or a cell cannot be text.
        StatementError: A Parquet file cannot hold a column.
    """
    if fmt == "parquet":
        return _parquet(frame)
    return _sheet(frame) if fmt == "xlsx" else text_of(frame, fmt).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa

    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer)
    except pa.ArrowException:
        from .files.parquet_tables import unfit

        parts = {str(name): frame.iloc[:, [place]] for place, name in enumerate(frame.columns)}
        raise unfit(parts, lambda part: part.to_parquet(io.BytesIO())) from None
    return buffer.getvalue()


def text_of(frame: pd.DataFrame, fmt: FileFormat) -> str:
    """Return rows as CSV or JSON, with every digit and character.

    Raises:
        InputError: A cell cannot be text.
    """
    if fmt == "csv":
        return _flat_columns(frame).to_csv(index=False)
    if fmt == "jsonl":
        return "".join(f"{record}\n" for record in _records(frame))
    return f"[{','.join(_records(frame))}]\n"


def _records(frame: pd.DataFrame) -> Iterator[str]:
    names = [str(name) for name in frame.columns]
    for row in frame.itertuples(index=False, name=None):
        yield to_json(dict(zip(names, map(_for_json, row), strict=True)), str)


def _for_json(value: Any) -> Any:
    """Return a cell in which decimals are numbers of JSON, with all their digits."""
    if isinstance(value, Decimal):
        return NumberText.of(to_text(value)) if value.is_finite() else value
    if isinstance(value, dict):
        return {name: _for_json(inner) for name, inner in value.items()}
    if isinstance(value, list):  # of one type, and vectors are long
        first = next((one for one in value if one is not None), None)
        return [*map(_for_json, value)] if isinstance(first, (Decimal, dict, list)) else value
    return to_text(value) if isinstance(value, bytes) else value


def _flat_columns(frame: pd.DataFrame) -> pd.DataFrame:
    flat: pd.DataFrame = frame.copy(deep=False)
    for position, kind in enumerate(frame.dtypes):
        if kind == "object":  # lists, objects and bytes are in no other columns
            flat.isetitem(position, objects([_flat(cell) for cell in frame.iloc[:, position]]).array)
    return flat


def _flat(value: Any) -> Any:
    return to_text(value, str) if isinstance(value, (list, dict, bytes, Unreadable)) else value


def _sheet(frame: pd.DataFrame) -> bytes:
    """Return a workbook: lists as JSON, moments of a zone as text, and no answer as a formula."""
    import pandas as pd

    if len(frame) >= _MOST_ROWS or len(frame.columns) > _MOST_COLUMNS:
        raise UsageError(
            f"a sheet has room for {_MOST_ROWS - 1:,} rows and {_MOST_COLUMNS:,} columns, and the result has "
            f"{len(frame):,} and {len(frame.columns):,}; {_SMALLER}"
        )
    frame = frame.map(_cell).rename(columns=visible)
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False)
        for row in writer.sheets["Sheet1"].iter_rows():
            for cell in row:
                if cell.data_type == "f":  # a text that begins with =
                    cell.data_type = "s"
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    value = _flat(value)
    if isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            raise UsageError(
                f"a cell of a sheet has room for {_MOST_CHARACTERS:,} characters, and one of the result has "
                f"{len(value):,}; {_SMALLER}"
            )
        return visible(value)
    return value.isoformat() if getattr(value, "tzinfo", None) is not None else value
