"""Tables of any kind as Arrow's, without losing what a value is.

Whole numbers stay whole beside NULLs, text stays text, and values without a table type become text or JSON,
as `prompts.cell_text` writes them. A cell that has no text becomes a marked text with the reason, and fails
only the rows that need it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import InputError
from ..prompts.cell_text import TIMES, is_null, to_json, to_text
from ..prompts.frames import as_frame
from ..prompts.plain_values import to_plain
from .sql.expressions import unique
from .table import MARK, Table

_SCALARS = (str, bool, int, float, bytes, Decimal, datetime, date, time, timedelta)
#: The digits of DuckDB's widest DECIMAL.
_DIGITS = 38

Write = Callable[[Any, Callable[[Any], str]], str]


def from_data(data: Any) -> Table:
    """Return rows from anything that `prompts.frames.as_frame` takes."""
    return from_frame(as_frame(data))


def from_frame(frame: pd.DataFrame) -> Table:
    """Return the columns of a frame; the index is dropped."""
    if not frame.shape[1]:
        return Table(pa.table({"none": pa.nulls(len(frame))}).select([]))  # it keeps the number of rows
    columns = [_from_series(frame.iloc[:, position]) for position in range(frame.shape[1])]
    as_json = frozenset(position for position, (_, is_json) in enumerate(columns) if is_json)
    names = unique([str(name) for name in frame.columns])
    return Table(pa.Table.from_arrays([array for array, _ in columns], names=names), as_json)


def _from_series(series: pd.Series[Any]) -> tuple[Any, bool]:
    """Return a column as Arrow's, and whether its texts are JSON."""
    dtype: Any = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        series = series.astype(dtype.subtype)
        dtype = series.dtype
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)) or dtype.kind == "c":
        return _written(list(series), to_text), False
    if dtype.kind != "O":
        try:
            return readable(_whole_array(pa.Array.from_pandas(series))), False
        except (ValueError, TypeError, NotImplementedError):  # a type of another library
            return _written(list(series), to_text), False
    values = [None if is_null(value) else _of_python(value) for value in series]
    present = [value for value in values if value is not None]
    if all(isinstance(value, (str, bytes)) for value in present):
        return _texts_or_bytes(values, present), False
    if _is_plain(present):
        try:
            return readable(pa.array(values)), False
        except (ValueError, TypeError, OverflowError):
            pass  # mixed types of numbers, or lists of mixed values: JSON keeps their types
    is_json = any(isinstance(value, dict | list | tuple) or hasattr(value, "tolist") for value in present)
    return _written(values, to_json if is_json else to_text), is_json


def _of_python(value: Any) -> Any:
    """Return a scalar of numpy as Python's; 0.1 of 32 bits is 0.1."""
    if not isinstance(value, np.generic):
        return value
    if value.dtype.kind in TIMES:
        kind: Any = pd.Timestamp if value.dtype.kind == "M" else pd.Timedelta
        return kind(value)
    return to_plain(value)


def readable(array: Any) -> Any:
    """Return an Arrow array as a type that DuckDB has, with the same texts."""
    kind = array.type
    if pa.types.is_large_string(kind):
        return array.cast(pa.string())
    if pa.types.is_float16(kind):
        # By the digits: 0.1 of 16 bits is 0.1, and not 0.0999755859375.
        return pa.array([None if one is None else float(str(np.float16(one))) for one in array.to_pylist()])
    if pa.types.is_decimal256(kind):
        try:
            return array.cast(pa.decimal128(_DIGITS, kind.scale))
        except (pa.ArrowInvalid, ValueError):
            return _written(array.to_pylist(), to_text)
    return array


def _texts_or_bytes(values: list[Any], present: list[Any]) -> Any:
    """Return texts, or bytes; both in one column become texts."""
    if present and all(isinstance(value, bytes) for value in present):
        return pa.array(values, pa.binary())
    try:
        return pa.array(values, pa.string())
    except (ValueError, TypeError):  # a lone surrogate, or bytes among the texts
        return _written(values, to_text)


def _shown(value: Any) -> str:
    """Return an object as it prints itself; one that prints nothing but its place in memory has no text."""
    text = str(value)
    return to_text(value) if text == object.__repr__(value) else text


def _written(values: list[Any], write: Write) -> Any:
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(None if is_null(value) else write(value, _shown))
        except InputError as error:
            marked = f"{MARK}{error}"
            texts.append(json.dumps(marked, ensure_ascii=False) if write is to_json else marked)
    return pa.array(texts, pa.string())


def _is_plain(values: list[Any]) -> bool:
    if all(isinstance(value, _SCALARS) for value in values):
        kinds = {bool if isinstance(value, bool) else type(value) for value in values}
        # One Arrow type has one zone, so times of several zones are texts.
        zones = {value.tzinfo for value in values if isinstance(value, datetime)}
        return len(zones) < 2 and (len(kinds) == 1 or kinds <= {int, float})
    lists = all(isinstance(value, list | tuple) for value in values)
    items = [item for value in values for item in value if item is not None] if lists else []
    kinds = {type(item) for item in items}
    return lists and len(kinds) == 1 and kinds <= {str, bool, int, float}


def _whole_array(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
