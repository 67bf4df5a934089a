"""Dates and times in answers: texts in ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

#: How each kind is read, and an example.
MOMENTS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "date": (date.fromisoformat, "2026-01-31"),
    "datetime": (datetime.fromisoformat, "2026-01-31T12:30:00"),
    "time": (time.fromisoformat, "12:30:00"),
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
#: Python 3.10 reads neither Z nor fractions of other than 3 or 6 digits.
_FRACTION = re.compile(r"(?<=:\d\d)\.(\d{1,9})")


def read_moment(kind: str, text: str) -> Any:
    """Return the date or time that a text is, or None."""
    if kind == "date" and not _DATE.fullmatch(text):
        return None
    written = _FRACTION.sub(lambda found: f".{found[1][:6]:0<6}", text)
    if written.endswith(("Z", "z")):
        written = f"{written[:-1]}+00:00"
    try:
        return MOMENTS[kind][0](written)
    except ValueError:
        return None
