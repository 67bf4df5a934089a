"""Times and durations as text, in ISO 8601."""

from __future__ import annotations

import datetime
from typing import Any

from ..errors import InputError


def time_text(value: Any) -> str:
    """Return a date, a time, or both, in the zone that it has.

    Raises:
        InputError: Its year cannot be written.
    """
    try:
        text = str(value.isoformat())
    except (ValueError, NotImplementedError):  # the latter is pandas': years beyond Python's
        raise InputError("the year of the time cannot be written; CAST it to text in the SELECT") from None
    return _with_four_digits(text) if text.startswith("-") else text


def numpy_time_text(text: str) -> str:
    """Return numpy's text of a time with the digits that Python and pandas write: no, six or nine."""
    text = _with_four_digits(text) if text.startswith("-") else text
    head, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if not fraction:
        return head
    return f"{head}.{fraction.ljust(6 if len(fraction) <= 6 else 9, '0')}"


def duration_text(value: datetime.timedelta) -> str:
    """Return a duration, such as `P1DT2H0M0S`; pandas' have nanoseconds."""
    nanoseconds = value.microseconds * 1000 + getattr(value, "nanoseconds", 0)
    return _duration("", value.days, value.seconds, nanoseconds)


def offset_text(value: Any) -> str:
    """Return a duration with months, which is a DateOffset of pandas.

    Raises:
        InputError: The offset is something else, such as a weekday.
    """
    names = ("months", "days", "microseconds", "nanoseconds")
    if set(value.kwds) - set(names):
        raise InputError("an offset with a weekday or the like is no duration; CAST it to text in the SELECT")
    months, days, microseconds, nanoseconds = (int(value.kwds.get(name, 0)) for name in names)
    seconds, nanoseconds = divmod(microseconds * 1000 + nanoseconds, 10**9)
    return _duration(f"{months}M", days, seconds, nanoseconds)


def interval_text(value: Any) -> str:
    """Return a duration of Arrow, which has months, days and nanoseconds."""
    seconds, nanoseconds = divmod(value.nanoseconds, 10**9)
    return _duration(f"{value.months}M" if value.months else "", value.days, seconds, nanoseconds)


def _duration(months: str, days: int, seconds: int, nanoseconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{nanoseconds:09d}".removesuffix("000") if nanoseconds else ""
    return f"P{months}{days}DT{hours}H{minutes}M{seconds}{fraction}S"


def _with_four_digits(text: str) -> str:
    """Return a time before year 0, of which numpy and pandas shorten the year, with four digits for it."""
    year, rest = text[1:].split("-", 1)
    return f"-{year.zfill(4)}-{rest}"
