"""Rows that INSERT INTO adds to a file: in the order of its columns, in its format and its form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import StatementError
from ...prompts.cell_text import to_text
from ..table import MARK, Table
from .compression import packed, unpacked
from .csv_text import with_rows
from .json_records import with_records
from .options import FileOptions

if TYPE_CHECKING:
    from .csv_files import CsvFile


def with_csv_rows(
    content: bytes, file: CsvFile, names: Sequence[str], rows: Table, columns: Sequence[str] | None
) -> bytes:
    """Return the content of a CSV file followed by new rows; see `joined` for the arguments and errors."""
    texts = _texts(file.name, names, rows, columns)
    # Columns at the end that have neither a name nor a value are not among the table's.
    unnamed = [None] * (len(file.dialect.header) - len(names))
    old = unpacked(content, file.file.compression)
    new = with_rows(old, [(*row, *unnamed) for row in texts], file.dialect, file.encoding, file.mark)
    return content + packed(new[len(old) :], file.file.compression)


def with_json_rows(
    content: bytes, old: Table, name: str, rows: Table, columns: Sequence[str] | None, options: FileOptions
) -> bytes:
    """Return the content of a JSON file with new rows; see `joined` for the arguments and errors."""
    if not old.names:
        return with_records(content, _records(rows.renamed(columns or rows.names)), name, options)
    found = joined(name, old, rows, columns)
    new = Table(found.arrow.slice(old.arrow.num_rows), found.json)
    return with_records(content, _records(new), name, options)


def check_cells(rows: Table) -> None:
    """Check that every cell has a value that can be written.

    Raises:
        StatementError: A cell has none, such as half an emoji; the message names the column.
    """
    for name, column in zip(rows.names, rows.arrow.columns, strict=True):
        if pa.types.is_string(column.type):
            marked = column.filter(pc.match_substring(column, MARK))
            if len(marked):
                reason = marked[0].as_py().split(MARK)[1].rstrip('"')
                raise StatementError(f"the column {name} has a cell that cannot be written: {reason}")


def _records(rows: Table) -> list[dict[str, Any]]:
    decoded = [
        [None if cell is None else json.loads(cell) for cell in column.to_pylist()]
        if position in rows.json
        else column.to_pylist()
        for position, column in enumerate(rows.arrow.columns)
    ]
    return [dict(zip(rows.names, cells, strict=True)) for cells in zip(*decoded, strict=True)]


def _nested_as_json(arrow: Any) -> Any:
    """Return rows whose objects and lists are JSON texts."""
    for position, field in enumerate(arrow.schema):
        if pa.types.is_nested(field.type):
            cells = arrow.column(position).to_pylist()
            written = [
                None if cell is None else json.dumps(cell, ensure_ascii=False, default=str) for cell in cells
            ]
            arrow = arrow.set_column(position, field.name, pa.array(written, pa.string()))
    return arrow


def joined(name: str, old: Table, new: Table, columns: Sequence[str] | None) -> Table:
    """Return the rows of a table followed by new ones.

    Args:
        name: The table, for messages.
        old: Its rows.
        new: The new rows.
        columns: The columns of the table that `new` fills, in order; None: those of the same names.

    Raises:
        StatementError: The table does not have the columns, or values do not fit.
    """
    arrays = [
        _joined(name, column, first, pa.nulls(new.arrow.num_rows, first.type) if second is None else second)
        for column, first, second in zip(
            old.names, old.arrow.columns, _arranged(name, old.names, new, columns), strict=True
        )
    ]
    return Table(pa.Table.from_arrays(arrays, names=old.names), old.json)


def _texts(
    name: str, names: Sequence[str], new: Table, columns: Sequence[str] | None
) -> list[tuple[str | None, ...]]:
    """Return new rows as texts, in the order of a table's columns; None is NULL."""
    plain = Table(_nested_as_json(new.arrow))
    cells = [
        [None] * new.arrow.num_rows if array is None else _cell_texts(array)
        for array in _arranged(name, names, plain, columns)
    ]
    return list(zip(*cells, strict=True))


def _cell_texts(column: Any) -> list[str | None]:
    try:
        return list(column.cast(pa.string()).to_pylist())
    except (ValueError, NotImplementedError):  # bytes that are not UTF-8, durations
        return [None if value is None else to_text(value) for value in column.to_pylist()]


def _arranged(name: str, names: Sequence[str], new: Table, columns: Sequence[str] | None) -> list[Any]:
    """Return the new values of each column of a table; None for a column that gets none."""
    given = new.names if columns is None else columns
    if len(given) != len(new.names):
        raise StatementError(
            f"INSERT INTO files.{name} names {len(given)} columns for {len(new.names)} values"
        )
    places = {column.lower(): position for position, column in enumerate(given)}
    known = {column.lower() for column in names}
    unknown = [column for column in given if column.lower() not in known]
    if unknown or len(places) != len(given):
        raise StatementError(
            f"files.{name} has no column {', '.join(unknown) or 'of each of these names'}; it has: "
            f"{', '.join(names)} (name what is inserted with AS, or list the columns behind the table)"
        )
    found = [places.get(column.lower()) for column in names]
    return [None if place is None else new.arrow.column(place) for place in found]


def _joined(name: str, column: str, first: Any, second: Any) -> Any:
    parts = [pa.table({"x": first}), pa.table({"x": second})]
    try:
        return pa.concat_tables(parts, promote_options="permissive").column("x")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if pa.types.is_string(first.type):
            texts = [_nested_as_json(part).column("x").cast(pa.string()) for part in parts]
            return pa.concat_tables([pa.table({"x": text}) for text in texts]).column("x")
        if pa.types.is_null(first.type):
            return pa.concat_tables([pa.table({"x": first.cast(second.type)}), parts[1]]).column("x")
        raise StatementError(
            f"files.{name}: the column {column} holds {first.type}, {second.type} does not fit in; use CAST"
        ) from None
