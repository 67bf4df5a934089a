"""Rows that INSERT INTO adds to a file, in the order and the types of its columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..errors import StatementError
from ..prompts.cell_text import to_text
from .file_formats import check_cells, nested_as_json
from .table import Table


def appended(name: str, old: Table, new: Table, columns: list[str] | None) -> Table:
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


def appended_texts(
    name: str, names: list[str], new: Table, columns: list[str] | None
) -> list[tuple[str | None, ...]]:
    """Return new rows as texts, in the order of a table's columns; None is NULL.

    Args:
        name: The table, for messages.
        names: The columns of the table.
        new: The new rows.
        columns: The columns of the table that `new` fills, in order; None: those of the same names.

    Raises:
        StatementError: The table does not have the columns.
    """
    check_cells(new)
    plain = Table(nested_as_json(new.arrow))
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


def _arranged(name: str, names: list[str], new: Table, columns: list[str] | None) -> list[Any]:
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
            texts = [nested_as_json(part).column("x").cast(pa.string()) for part in parts]
            return pa.concat_tables([pa.table({"x": text}) for text in texts]).column("x")
        if pa.types.is_null(first.type):
            return pa.concat_tables([pa.table({"x": first.cast(second.type)}), parts[1]]).column("x")
        raise StatementError(
            f"files.{name}: the column {column} holds {first.type}, {second.type} does not fit in; use CAST"
        ) from None
