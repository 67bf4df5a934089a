"""Bodies of requests: what a row says, encoded once, before what is the same for every row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..records import Skipped


def rest_of_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the end of a body whose first part is the row's: `,"model":"m"}` for `{"model":"m"}`."""
    return b"," + orjson.dumps(parameters)[1:] if parameters else b"}"


def encoded(value: Any) -> bytes | Skipped:
    """Encode what a row says as JSON, or say why it cannot be sent."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        return Skipped(f"the prompt cannot be sent: {error}", failed=True)
