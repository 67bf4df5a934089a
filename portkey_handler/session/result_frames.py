"""Rows of Arrow as a pandas frame, without losing what a value is."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..prompts.cell_text import to_text
from ..prompts.cells import NumberText, Unreadable, Written
from ..prompts.frames import objects
from .sql.expressions import unique
from .table import MARK, Table

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
#: The digits that every float keeps.
_FLOAT_DIGITS = 15
#: Days since 1970.
_FIRST_DAY, _LAST_DAY = ((day - date(1970, 1, 1)).days for day in (date.min, date.max))


def to_frame(table: Table, *, for_prompts: bool = False) -> pd.DataFrame:
    """Return the rows as a frame with a plain index; repeated names get a number at the end.

    Args:
        table: The rows.
        for_prompts: Whether the cells keep their own text, and decimals all places: 1.10 and not 1.1. In
            other frames decimals of a file are floats, where those keep every digit.
    """
    names = unique(table.names)
    columns = [
        _series(
            table.arrow.column(position),
            is_json=position in table.json,
            texts=table.texts.get(position) if for_prompts else None,
            is_exact=for_prompts or not table.from_file,
        )
        for position in range(len(names))
    ]
    frame: pd.DataFrame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.arrow.num_rows))
    frame.columns = pd.Index(names, dtype=object)
    return frame


def _series(column: Any, *, is_json: bool, texts: Any = None, is_exact: bool = False) -> pd.Series[Any]:
    if texts is not None:
        return _with_texts(column, texts)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if _is_text(kind) and pc.any(pc.match_substring(column, MARK)).as_py():
        return objects([_unmarked(value, is_json=is_json) for value in column.to_pylist()])
    if is_json:
        return objects([None if value is None else _loaded(value) for value in column.to_pylist()])
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return objects(_values(column))
    if pa.types.is_decimal(kind):
        return _decimals(column, is_exact=is_exact)
    return _numbers(column) if _needs_room(column) else _plain_series(column)


def _with_texts(column: Any, texts: Any) -> pd.Series[Any]:
    """Return cells with their own texts, where the values' texts differ."""
    own = texts.to_pylist()
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return objects([None if text is None else NumberText.of(text) for text in own])
    pairs = list(zip(_values(column), own, strict=True))
    if all(text is None or to_text(value) == text for value, text in pairs):
        return _series(column, is_json=False)
    return objects([None if text is None else Written(value, text) for value, text in pairs])


def _needs_room(column: Any) -> bool:
    """Return whether numpy's type for a column has no room for its NULLs."""
    kind = column.type
    return bool(column.null_count) and (pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _decimals(column: Any, *, is_exact: bool) -> pd.Series[Any]:
    """Return decimals as whole numbers, or as floats where those keep every digit, else as Decimal."""
    if not column.type.scale:
        return _whole(column.to_pylist())
    if not is_exact and _is_kept_by_floats(column):
        # By way of texts, because Arrow's own cast may miss the nearest float.
        found: pd.Series[Any] = column.cast(pa.string()).cast(pa.float64()).to_pandas()
        return found
    return objects(column.to_pylist())


def _is_kept_by_floats(column: Any) -> bool:
    if column.type.precision <= _FLOAT_DIGITS:
        return True
    largest = pc.max(pc.abs(column)).as_py()
    if largest is None or len(str(largest.scaleb(column.type.scale).to_integral_value())) <= _FLOAT_DIGITS:
        return True
    return all(value is None or Decimal(repr(float(value))) == value for value in column.to_pylist())


def _numbers(column: Any) -> pd.Series[Any]:
    kind = column.type
    # int64 becomes Int64, uint8 UInt8, bool boolean: pandas' types that can hold NULL.
    dtype: Any = "boolean" if pa.types.is_boolean(kind) else str(kind).replace("i", "I").replace("u", "U")
    found: pd.Series[Any] = pd.Series(column.to_pylist(), dtype=dtype)
    return found


def _plain_series(column: Any) -> pd.Series[Any]:
    if pa.types.is_interval(column.type):
        return _durations(column)
    if pa.types.is_temporal(column.type) and _is_beyond_python(column):
        return objects([_value(scalar) for scalar in column])
    try:
        found: pd.Series[Any] = column.to_pandas()
    except (ValueError, OverflowError):  # Arrow's errors are ValueErrors
        return objects(_values(column))
    return found


def _values(column: Any) -> list[Any]:
    """Return the values of a column; those that Python does not have, such as the date infinity, as text."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    kind = scalar.type
    try:
        if scalar.is_valid and pa.types.is_temporal(kind) and _is_beyond_python(pa.array([scalar])):
            return _time_text(scalar.cast(pa.int32() if kind == pa.date32() else pa.int64()).as_py(), kind)
        return pd.Timestamp(scalar.as_py()) if pa.types.is_timestamp(kind) else scalar.as_py()
    except (ValueError, OverflowError):
        return Unreadable("the value has no equivalent in Python; CAST it to text in the SELECT")


def _is_beyond_python(column: Any) -> bool:
    """Return whether a column has the time 24:00, or a year before 1 or after 9999, such as infinity."""
    kind = column.type
    if not (kind == pa.date32() or pa.types.is_timestamp(kind) or pa.types.is_time64(kind)):
        return False
    bounds = pc.min_max(column.cast(pa.int32() if kind == pa.date32() else pa.int64())).as_py()
    if bounds["min"] is None:
        return False
    if pa.types.is_time64(kind):
        return bool(bounds["max"] >= 86_400 * _PER_SECOND[kind.unit])
    days = 1 if kind == pa.date32() else 86_400 * _PER_SECOND[kind.unit]
    return not (_FIRST_DAY * days <= bounds["min"] and bounds["max"] < (_LAST_DAY + 1) * days)


def _time_text(value: int, kind: Any) -> str:
    if pa.types.is_time64(kind):
        return "24:00:00"
    unit = "D" if kind == pa.date32() else kind.unit
    if abs(value) == (2**31 if unit == "D" else 2**63) - 1:
        return "infinity" if value > 0 else "-infinity"
    return to_text(np.datetime64(value, unit))  # type: ignore[arg-type]  # one of its units


def _unmarked(value: str | None, *, is_json: bool) -> Any:
    if value is None or MARK not in value:
        return _loaded(value) if is_json and value is not None else value
    reason = value.partition(MARK)[2].partition(MARK)[0]
    return Unreadable(json.loads(f'"{reason}') if is_json else reason)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        return Unreadable("the JSON is nested too deeply; CAST it to text in the SELECT")


def _durations(column: Any) -> pd.Series[Any]:
    """Return durations as timedelta64, or as DateOffset where one has months, which have no length."""
    values = column.to_pylist()
    if any(value is not None and value.months for value in values):
        parts = ("months", "days", "nanoseconds")
        return objects(
            [
                None if value is None else pd.DateOffset(**{name: getattr(value, name) for name in parts})
                for value in values
            ]
        )
    lengths = [
        None if value is None else timedelta(days=value.days, microseconds=value.nanoseconds // 1000)
        for value in values
    ]
    found: pd.Series[Any] = pd.Series(pd.to_timedelta(pd.Series(lengths, dtype=object)))
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
        return objects(numbers)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
