"""Convert between pandas, Arrow and DuckDB without losing types.

Whole numbers stay whole beside NULLs, text stays text, and values without a table type become JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from ..errors import InputError
from ..prompts.cell_text import is_null, to_json, to_text
from .sql.expressions import unique
from .table import Table

_SCALARS = (str, bool, int, float, bytes, Decimal, datetime, date, time, timedelta)


def from_frame(frame: pd.DataFrame) -> Table:
    """Return the columns of a frame; the index is dropped."""
    arrays, as_json = [], set()
    for position in range(frame.shape[1]):
        array, is_json = _array(frame.iloc[:, position])
        arrays.append(array)
        if is_json:
            as_json.add(position)
    names = unique([str(name) for name in frame.columns])
    return Table(pa.Table.from_arrays(arrays, names=names), frozenset(as_json))


def to_frame(table: Table) -> pd.DataFrame:
    """Return the rows as a frame with a plain index; repeated names get a number at the end."""
    names = unique(table.names)
    columns = [
        _series(table.arrow.column(position), is_json=position in table.json)
        for position in range(len(names))
    ]
    frame: pd.DataFrame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.arrow.num_rows))
    frame.columns = pd.Index(names, dtype=object)
    return frame


def _series(column: Any, *, is_json: bool) -> pd.Series[Any]:
    kind = column.type
    if is_json:
        values = [None if value is None else json.loads(value) for value in column.to_pylist()]
        return _objects(values)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return _objects(column.to_pylist())
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        # int64 becomes Int64, uint8 UInt8, bool boolean: pandas' types that can hold NULL.
        dtype: Any = "boolean" if pa.types.is_boolean(kind) else str(kind).replace("i", "I").replace("u", "U")
        nullable: pd.Series[Any] = pd.Series(column.to_pylist(), dtype=dtype)
        return nullable
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return _whole(column.to_pylist())
    found: pd.Series[Any] = column.to_pandas()
    return found


def _whole(values: list[Any]) -> pd.Series[Any]:
    numbers = [None if value is None else int(value) for value in values]
    try:
        return (
            pd.Series(pd.array(numbers, dtype="Int64"))
            if None in numbers
            else pd.Series(numbers, dtype="int64")
        )
    except OverflowError:
        return _objects(numbers)


def _objects(values: list[Any]) -> pd.Series[Any]:
    series = pd.Series([None] * len(values), dtype=object)
    for position, value in enumerate(values):
        series.iat[position] = value
    return series


def _array(series: pd.Series[Any]) -> tuple[Any, bool]:
    if series.dtype != object:
        array = _combined(pa.Array.from_pandas(series))
        return (array.cast(pa.string()) if pa.types.is_large_string(array.type) else array), False
    values = [None if is_null(value) else value for value in series]
    present = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in present):
        return pa.array(values, pa.string()), False
    if _is_plain(present):
        try:
            return pa.array(values), False
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass  # mixed types of numbers, or lists of mixed values: JSON keeps their types
    is_json = any(isinstance(value, dict | list | tuple) or hasattr(value, "tolist") for value in present)
    return _written(values, to_json if is_json else to_text, series.name), is_json


def _written(values: list[Any], write: Callable[[Any, Callable[[Any], str]], str], column: Any) -> Any:
    texts: list[str | None] = []
    for row, value in enumerate(values):
        try:
            texts.append(None if value is None else write(value, str))
        except InputError as error:
            raise InputError(f"column {column}, row {row}: {error}") from None
    return pa.array(texts, pa.string())


def _is_plain(values: list[Any]) -> bool:
    if all(isinstance(value, _SCALARS) for value in values):
        kinds = {bool if isinstance(value, bool) else type(value) for value in values}
        return len(kinds) == 1 or kinds <= {int, float}
    lists = all(isinstance(value, list | tuple) for value in values)
    items = [item for value in values for item in value if item is not None] if lists else []
    kinds = {type(item) for item in items}
    return lists and len(kinds) == 1 and kinds <= {str, bool, int, float}


def _combined(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
