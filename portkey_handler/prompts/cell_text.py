"""Cells of a table as text; no other module converts them.

A frame's cells come as Python, numpy and pandas objects. Neither library is imported here: their types are
recognised by name, so that importing this module stays light.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import math
import re
import uuid
from collections.abc import Callable
from typing import Any

import orjson

from ..errors import InputError
from .cells import NumberText, Unreadable, Written
from .time_text import duration_text, interval_text, numpy_time_text, offset_text, time_text

# Not OPT_SERIALIZE_NUMPY: it writes the year 1677 for a NaT in an array.
_JSON = orjson.OPT_NON_STR_KEYS
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
#: numpy's kinds of durations and dates.
TIMES = "mM"
#: The types of most cells, which are looked up first.
_NEVER_NULL = frozenset({str, int, bool, list, dict, bytes})
#: The largest exponent with which a Decimal is written out; Decimal("1E+999999999") would fill the memory.
_WRITTEN_OUT = 40


def is_null(value: Any) -> bool:
    """Return whether a cell is NULL: None, NaN of any type, pandas' NaT and NA, numpy's NaT.

    Lists, arrays and empty texts are values, not NULL.
    """
    kind = type(value)
    if kind in _NEVER_NULL:
        return False
    if value is None or kind is float:
        return value is None or math.isnan(value)
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    library = library_of(kind)
    if library == "pandas":
        return kind.__name__ in {"NAType", "NaTType"}
    # NaN and NaT of numpy's scalars are unequal to themselves; its arrays have dimensions.
    return library == "numpy" and value.ndim == 0 and bool(value != value)  # noqa: PLR0124 - the NaN test


def to_text(value: Any, other: Callable[[Any], str] | None = None) -> str:
    r"""Return a cell as text.

    ======================  =====================================================================
    cell                    text
    ======================  =====================================================================
    text                    as it is (NUL and line breaks too)
    NULL (see `is_null`)    empty
    boolean                 ``true``, ``false``
    whole number            decimal digits: ``3``
    floating point number   the shortest digits that read back equal: ``3.0``, ``0.1``, ``1e+16``
    Decimal                 its digits, trailing zeros too: ``3.10``
    date                    ``2026-11-20``
    date and time           ISO 8601 with T: ``2026-11-20T00:00:00``, ``2026-11-20T08:30:00.500000+01:00``
    time, duration          ISO 8601: ``08:30:00``, ``P1DT2H0M0S``; with months ``P1M2DT0H0M0S``
    period, interval        as pandas prints them: ``2026-11``, ``(0, 1]``
    bytes                   decoded as UTF-8
    UUID                    its 36 characters
    list, dict, array       JSON without blanks: ``[1,"a",null]``
    ======================  =====================================================================

    Args:
        value: The cell.
        other: Returns the text of an object of any other type. If None, such an object is an error.

    Raises:
        InputError: The cell cannot be text: a lone surrogate (UTF-8 cannot encode it), bytes that are not
            UTF-8, or an object of another type. The message says where and what to do, not the content.
    """
    kind = type(value)
    if kind is str:
        # The interpreter knows whether a text is ASCII; only other texts are checked.
        return value if value.isascii() else _text(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        writer = _WRITERS[kind] = _writer(kind)
    if other is not None and writer is _refuse:
        return other(value)
    return to_json(value, other) if writer is to_json else writer(value)


def to_json(value: Any, other: Callable[[Any], str] | None = None) -> str:
    """Return a cell as JSON without blanks; NULL is ``null``, also inside lists.

    Args:
        value: The cell.
        other: Returns the text of an object of a type that `to_text` does not know. If None, such an object
            is an error.

    Raises:
        InputError: The cell holds a value that JSON cannot hold.
    """
    default = _for_json if other is None else functools.partial(_for_json, other=other)
    value = None if is_null(value) else value
    try:
        try:
            return orjson.dumps(value, default=default, option=_JSON).decode()
        except TypeError:
            return orjson.dumps(_with_long_integers(value), default=default, option=_JSON).decode()
    except (TypeError, RecursionError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, InputError) else error
        said = f"the value cannot be written as JSON ({cause}); CAST it to text in the SELECT"
        raise InputError(said) from None


def _with_long_integers(value: Any) -> Any:
    """Return a value whose whole numbers of more than 64 bits are JSON already; orjson cannot write them."""
    if isinstance(value, dict):
        return {name: _with_long_integers(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_long_integers(one) for one in value]
    is_long = type(value) is int and value.bit_length() > 63
    return orjson.Fragment(_integer(value)) if is_long else value


def _for_json(value: Any, other: Callable[[Any], str] | None = None) -> Any:
    """Return a value that the JSON library does not know as one that it knows."""
    if is_null(value):
        return None
    if isinstance(value, (NumberText, Written)):
        return _own_json(value)
    if isinstance(value, tuple):
        return list(value)
    if library_of(type(value)) != "numpy":
        return to_text(value, other)
    if value.dtype.kind in "biuf":
        contiguous = value.copy() if value.dtype.itemsize > 2 else _wider(value)
        return orjson.Fragment(orjson.dumps(contiguous, option=orjson.OPT_SERIALIZE_NUMPY))
    return list(value) if value.ndim else to_text(value)  # of objects, times, texts


def _wider(array: Any) -> Any:
    """Return an array of 8 or 16 bits for the JSON library, which writes floats of 16 bits with 11 digits."""
    return array.astype(str).astype("float64") if array.dtype.kind == "f" else array.copy()


def _own_json(value: NumberText | Written) -> Any:
    """Return a cell with a text of its own: a boolean and a number are JSON's, others are text."""
    if isinstance(value, Written):
        return value.value if isinstance(value.value, bool) else value.text
    text = value.text.strip()
    return orjson.Fragment(text) if _JSON_NUMBER.fullmatch(text) else float(value)


def library_of(kind: type) -> str:
    """Return "numpy" or "pandas" where a type, or a parent of it, comes from there; else an empty text."""
    for parent in kind.__mro__:
        name = parent.__module__.partition(".")[0]
        if name in {"numpy", "pandas"}:
            return name
    return ""


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text has a lone surrogate (U+{ord(value[error.start]):04X}) at position {error.start}, "
            "which UTF-8 cannot encode; the text was cut or decoded wrongly at its source: correct it there, "
            "or leave the row out"
        ) from None
    return str(value)


def _bytes(value: Any) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the bytes are not UTF-8 text (first at position {error.start}); decode them in the SELECT, "
            "for example with to_base64(column) or hex(column)"
        ) from None


def _integer(value: Any) -> str:
    try:
        return str(int(value))
    except ValueError:  # Python converts at most 4,300 digits
        raise InputError("the whole number has too many digits; CAST it to text in the SELECT") from None


def _decimal(value: decimal.Decimal) -> str:
    if value.is_nan():
        return ""
    return format(value, "f") if abs(value.adjusted()) <= _WRITTEN_OUT else str(value)


def _numpy_scalar(value: Any) -> str:
    if is_null(value):
        return ""
    if value.dtype.kind == "f":  # str() gives the shortest digits of this width: 0.1, not 0.10000000149
        return repr(float(str(value))) if value.dtype.itemsize <= 8 else str(value)
    if value.dtype.kind == "M":
        return numpy_time_text(str(value))
    if value.dtype.kind == "m":
        return duration_text(value.astype("timedelta64[us]").item())
    return to_text(value.item())


def _null(value: Any) -> str:  # noqa: ARG001 - has the signature of a writer
    return ""


def _unreadable(value: Unreadable) -> str:
    raise InputError(value.reason)


def _refuse(value: Any) -> str:
    raise InputError(f"a value of type {type(value).__qualname__} is not text; CAST it to text in the SELECT")


def _writer(kind: type) -> Callable[[Any], str]:
    """Return the writer for a type that is not in the table: a subclass, or a type of another library."""
    library = library_of(kind)
    if library == "pandas" and kind.__name__ in _OF_PANDAS:
        return _OF_PANDAS[kind.__name__]
    if kind.__name__ == "MonthDayNano":  # Arrow's, which has no module
        return interval_text
    if library == "numpy" and any(parent.__name__ == "ndarray" for parent in kind.__mro__):
        return to_json
    if library == "numpy" and not issubclass(kind, (str, bytes, float)):
        return _numpy_scalar
    return next((writer for parent, writer in _PARENTS if issubclass(kind, parent)), _refuse)


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _float(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


_OF_PANDAS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("NAType", "NaTType"), _null),
    **dict.fromkeys(("Period", "Interval"), str),
    "DateOffset": offset_text,
}
#: In order: a bool is an int, a datetime is a date.
_PARENTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (str, _text),
    (bool, _boolean),
    (int, _integer),
    (NumberText, str),
    (float, _float),
    (decimal.Decimal, _decimal),
    (datetime.date, time_text),
    (datetime.time, time_text),
    (datetime.timedelta, duration_text),
    (bytes, _bytes),
    (bytearray, _bytes),
    (memoryview, _bytes),
    (list, to_json),
    (tuple, to_json),
    (dict, to_json),
    (uuid.UUID, str),
    (complex, str),
    (Unreadable, _unreadable),
    (Written, str),
)
_WRITERS: dict[type, Callable[[Any], str]] = {type(None): _null, **dict(_PARENTS)}
