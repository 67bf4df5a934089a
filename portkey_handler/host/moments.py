"""Moments as text."""

from __future__ import annotations

from datetime import datetime, timezone


def moment(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
