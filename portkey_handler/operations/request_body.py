"""Bodies of requests: the part of the row, followed by the part that all rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..records import Skipped
from .row_model import model_template


def rest_of_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the part of a body after the row's part: `,"model":"m"}` for `{"model":"m"}`.

    A model that is a template is part of each row (`row_model`).
    """
    if model_template(parameters) is not None:
        parameters = {name: value for name, value in parameters.items() if name != "model"}
    return b"," + orjson.dumps(parameters)[1:] if parameters else b"}"


def without_service_tier(body: bytes) -> bytes:
    """Return a body that asks for no class of service, so that it gets the usual one of the account."""
    parsed = orjson.loads(body)
    parsed.pop("service_tier", None)
    return orjson.dumps(parsed)


def encoded(value: Any) -> bytes | Skipped:
    """Return a row's part of the body as JSON, or the reason why it cannot be sent."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        return Skipped(f"the prompt cannot be sent: {error}", failed=True)
