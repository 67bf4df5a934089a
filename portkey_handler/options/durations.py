"""Durations as text: `90s`, `24h`, `1h30m`, `6m0s`, `20ms`."""

from __future__ import annotations

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_EXPECTED = "expected a duration such as '30m', '24h' or '7d', or 'never'"


def read_duration(text: str) -> float | None:
    """Return the seconds of a duration, or None where the text is not one."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def seconds_of(text: str) -> float:
    """Return the seconds of a duration; 0 for `never`.

    Raises:
        ValueError: The text is neither.
    """
    seconds = 0.0 if text == "never" else read_duration(text)
    if seconds is None:
        raise ValueError(_EXPECTED)
    return seconds


def as_duration(value: object) -> str:
    """Return a duration in lower case and without blanks, as a plan holds it.

    Raises:
        ValueError: The value is not a duration.
    """
    if not isinstance(value, str):
        raise ValueError(_EXPECTED)
    written = "".join(value.lower().split())
    seconds_of(written)
    return written
