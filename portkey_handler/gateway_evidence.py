"""What the gateway tells of a reply in its headers."""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Evidence


def evidence_of(headers: Mapping[str, str], status: int | None = None) -> Evidence:
    """Read a reply's headers, names in lower case."""
    attempts = headers.get("x-portkey-retry-attempt-count", "")
    return Evidence(
        status=status,
        provider=headers.get("x-portkey-provider"),
        target=headers.get("x-portkey-last-used-option-index"),
        gateway_attempts=int(attempts) if attempts.lstrip("-").isdigit() else None,
        cache_status=headers.get("x-portkey-cache-status"),
        request_id=headers.get("x-request-id"),
        trace_id=headers.get("x-portkey-trace-id") or None,
    )
