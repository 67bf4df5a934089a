"""What the gateway tells of a reply in its headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..records import Evidence

#: Statuses with which the gateway tells of guardrails: 246 lets the answer pass, 446 holds it back.
FLAGGED, DENIED = 246, 446


def evidence_of(
    headers: Mapping[str, str], status: int | None = None, content: bytes | None = None
) -> Evidence:
    """Read a reply's headers, whose names are found in lower case.

    Args:
        headers: The reply's headers.
        status: HTTP status.
        content: The body of a reply that is no success; of guardrails that denied it is read.
    """
    return Evidence(
        status=status,
        provider=headers.get("x-portkey-provider"),
        target=headers.get("x-portkey-last-used-option-index"),
        gateway_attempts=_whole(headers.get("x-portkey-retry-attempt-count")),
        cache_status=headers.get("x-portkey-cache-status"),
        request_id=headers.get("x-request-id"),
        trace_id=headers.get("x-portkey-trace-id") or None,
        guardrails=_verdicts_in(content) if status == DENIED and content else None,
    )


def verdicts_of(body: Any) -> list[dict[str, Any]] | None:
    """Give what guardrails found: for each its id, verdict and checks by id; never a text that they saw."""
    results = body.get("hook_results") if isinstance(body, dict) else None
    if not isinstance(results, dict):
        return None
    found = [
        {
            "id": hook.get("id"),
            "verdict": hook.get("verdict"),
            "on": "request" if when.startswith("before") else "answer",
            "checks": {
                str(check.get("id")): check.get("verdict")
                for check in hook.get("checks") or ()
                if isinstance(check, dict)
            },
        }
        for when, hooks in results.items()
        if isinstance(hooks, list)
        for hook in hooks
        if isinstance(hook, dict)
    ]
    return found or None


def _verdicts_in(content: bytes) -> list[dict[str, Any]] | None:
    try:
        return verdicts_of(orjson.loads(content))
    except orjson.JSONDecodeError:
        return None


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return None
