"""Evidence from a response's headers and from its guardrails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..foreign_text import as_id, as_name
from ..records import Evidence
from . import json_bodies

#: The gateway's statuses for failed guardrails: with 246 the answer is sent, with 446 it is not.
_GUARDED = frozenset({246, 446})
_COUNT = re.compile(r"-?[0-9]{1,6}")
#: More guardrails, and more checks of one, are left out.
_MOST_LISTED = 100


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
        provider=as_name(headers.get("x-portkey-provider")),
        target=as_name(headers.get("x-portkey-last-used-option-index")),
        gateway_attempts=_whole(headers.get("x-portkey-retry-attempt-count")),
        cache_status=as_name(headers.get("x-portkey-cache-status")),
        request_id=as_id(headers.get("x-request-id")),
        trace_id=trace_id or as_id(headers.get("x-portkey-trace-id")),
        span_id=span_id,
        guardrails=_verdicts_in(content) if status in _GUARDED else None,
    )


def _verdicts_of(body: Any) -> list[dict[str, Any]] | None:
    """Return the id, verdict and checks of each guardrail; never a text that it checked.

    What has another shape than the gateway gives it is left out.
    """
    results = body.get("hook_results") if isinstance(body, dict) else None
    if not isinstance(results, dict):
        return None
    found = [
        {
            "id": as_name(hook.get("id")),
            "verdict": _verdict(hook),
            "on": "request" if when.startswith("before") else "answer",
            "checks": {
                name: _verdict(check)
                for check in _objects(hook.get("checks"))
                if (name := as_name(check.get("id"))) is not None
            },
        }
        for when, hooks in results.items()
        for hook in _objects(hooks)
    ]
    return [one for one in found if one["id"] is not None or one["verdict"] is not None] or None


def _verdicts_in(content: bytes) -> list[dict[str, Any]] | None:
    try:
        return _verdicts_of(json_bodies.read(content))
    except ValueError:
        return None


def _objects(value: Any) -> list[dict[str, Any]]:
    listed = value[:_MOST_LISTED] if isinstance(value, list) else []
    return [one for one in listed if isinstance(one, dict)]


def _verdict(part: dict[str, Any]) -> bool | None:
    verdict = part.get("verdict")
    return verdict if isinstance(verdict, bool) else None


def _whole(text: str | None) -> int | None:
    """Return a count; None for a header that holds none, or one that no gateway can have reached."""
    # -1 is the gateway's: as often as it may, in vain.
    return int(text) if text is not None and _COUNT.fullmatch(text) else None
