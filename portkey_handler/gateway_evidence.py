"""What the gateway tells of a reply in its headers."""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Evidence


def evidence_of(headers: Mapping[str, str], status: int | None = None) -> Evidence:
    """Read a reply's headers, whose names are found in lower case."""
    return Evidence(
        status=status,
        provider=headers.get("x-portkey-provider"),
        target=headers.get("x-portkey-last-used-option-index"),
        gateway_attempts=_whole(headers.get("x-portkey-retry-attempt-count", "")),
        cache_status=headers.get("x-portkey-cache-status"),
        request_id=headers.get("x-request-id"),
        trace_id=headers.get("x-portkey-trace-id") or None,
    )


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
