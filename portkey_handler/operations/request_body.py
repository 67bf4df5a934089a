"""Bodies of requests: the part of the row, followed by the part that all rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..records import Skipped


def rest_of_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the part of a body after the row's part: `,"model":"m"}` for `{"model":"m"}`."""
    return b"," + orjson.dumps(parameters)[1:] if parameters else b"}"


def encoded(value: Any) -> bytes | Skipped:
    """Return a row's part of the body as JSON, or the reason why it cannot be sent."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        return Skipped(f"the prompt cannot be sent: {error}", failed=True)
