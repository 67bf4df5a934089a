"""Evidence from a response's headers and from its guardrails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..records import Evidence
from . import json_bodies

#: The gateway's statuses for failed guardrails: with 246 the answer is sent, with 446 it is not.
_GUARDED = frozenset({246, 446})
_COUNT = re.compile(r"-?[0-9]{1,6}")


def evidence_of(
    status: int, headers: Mapping[str, str], content: bytes, trace_id: str | None, span_id: str | None
) -> Evidence:
    """Return the evidence of a request from the headers of its response and the guardrails in its body.

    Args:
        status: HTTP status.
        headers: The response's headers, whose names are found in lower case.
        content: The response's body.
        trace_id: The trace that was sent, or None.
        span_id: The span that was sent, or None.
    """
    return Evidence(
        status=status,
        provider=headers.get("x-portkey-provider"),
        target=headers.get("x-portkey-last-used-option-index"),
        gateway_attempts=_whole(headers.get("x-portkey-retry-attempt-count")),
        cache_status=headers.get("x-portkey-cache-status"),
        request_id=headers.get("x-request-id"),
        trace_id=trace_id or headers.get("x-portkey-trace-id") or None,
        span_id=span_id,
        guardrails=_verdicts_in(content) if status in _GUARDED else None,
    )


def _verdicts_of(body: Any) -> list[dict[str, Any]] | None:
    """Return the id, verdict and checks of each guardrail; never a text that it checked."""
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
                for check in _listed(hook.get("checks"))
                if isinstance(check, dict)
            },
        }
        for when, hooks in results.items()
        for hook in _listed(hooks)
        if isinstance(hook, dict)
    ]
    return found or None


def _verdicts_in(content: bytes) -> list[dict[str, Any]] | None:
    try:
        return _verdicts_of(json_bodies.read(content))
    except ValueError:
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(text: str | None) -> int | None:
    """Return a count; None for a header that holds none, or one that no gateway can have reached."""
    # -1 is the gateway's: as often as it may, in vain.
    return int(text) if text is not None and _COUNT.fullmatch(text) else None
