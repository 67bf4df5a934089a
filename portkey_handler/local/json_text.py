"""JSON objects of requests and replies."""

from __future__ import annotations

from typing import Any

import orjson


def read(content: bytes) -> dict[str, Any] | None:
    """Return a JSON object, or None where the content is none."""
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def written(body: dict[str, Any]) -> bytes:
    """Return an object as JSON."""
    return orjson.dumps(body)
