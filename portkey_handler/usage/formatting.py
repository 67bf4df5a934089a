"""Counts, dollars and durations as text for people."""

from __future__ import annotations

import math

_SIGNIFICANT_DIGITS = 2


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 row`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def dollars(amount: float) -> str:
    """Return US dollars: with cents from one dollar, with two significant digits below it."""
    if amount >= 1:
        return f"${amount:,.2f}"
    if amount <= 0:
        return "$0"
    places = max(2, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(amount)))
    return f"${amount:.{places}f}"


def duration(seconds: float) -> str:
    """Return an estimated duration, rounded: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
