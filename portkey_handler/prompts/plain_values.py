"""Cells as values for the conditions and filters of templates."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

from .cell_text import TIMES, is_null, library_of, to_text
from .cells import NumberText, Written

_PLAIN = frozenset({str, int, bool, list, dict, bytes})


def to_plain(value: Any) -> Any:
    """Return a cell as a value for conditions and filters.

    NULL is None, numpy's values become Python's own, and dates and times become text, so that
    ``day >= '2026-01-01'`` can be asked.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_null(value):
        return None
    if kind is Written:
        return to_plain(value.value)
    if isinstance(value, decimal.Decimal):
        return NumberText.of(to_text(value))
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return to_text(value)
    return _plain_numpy(value) if library_of(kind) == "numpy" else value


def _plain_numpy(value: Any) -> Any:
    kind = value.dtype.kind
    if value.ndim:
        return [to_plain(one) for one in value] if kind in TIMES else value.tolist()
    if kind in TIMES:
        return to_text(value)
    return float(str(value)) if kind == "f" else value.item()  # 0.1 of 32 bits is 0.1
