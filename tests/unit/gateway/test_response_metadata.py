"""What the gateway tells of a response beside the answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from portkey_handler.gateway.response_metadata import evidence_of
from portkey_handler.records import Evidence


def test_headers_of_the_gateway() -> None:
    """Each has its place; the trace that was sent beats the one that came back."""
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-last-used-option-index": "config.targets[1]",
        "x-portkey-retry-attempt-count": "2",
        "x-portkey-cache-status": "MISS",
        "x-portkey-trace-id": "theirs",
        "x-request-id": "req-1",
    }
    known = Evidence(
        status=200,
        provider="openai",
        target="config.targets[1]",
        gateway_attempts=2,
        cache_status="MISS",
        request_id="req-1",
        trace_id="ours",
        span_id="s",
    )
    assert evidence_of(200, headers, b"{}", "ours", "s") == known
    assert evidence_of(200, headers, b"{}", None, None) == known._replace(trace_id="theirs", span_id=None)


@pytest.mark.parametrize("status", [246, 446])
def test_verdicts_of_guardrails(status: int) -> None:
    """They say which guardrail found what, and not the text that it saw."""
    check = {"id": "default.contains", "verdict": False, "data": {"explanation": "secret text"}}
    hook = {"id": "words", "verdict": False, "checks": [check]}
    body = {
        "hook_results": {"before_request_hooks": [hook], "after_request_hooks": [{**hook, "verdict": True}]}
    }
    evidence = evidence_of(status, {}, orjson.dumps(body), None, None)
    found = {"id": "words", "checks": {"default.contains": False}}
    assert evidence.status == status
    assert evidence.guardrails == [
        {**found, "verdict": False, "on": "request"},
        {**found, "verdict": True, "on": "answer"},
    ]
    assert "secret text" not in str(evidence)
    assert evidence_of(200, {}, orjson.dumps(body), None, None).guardrails is None


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b'{"hook_results": 3}', b'{"hook_results": {}}'])
def test_a_guarded_response_without_verdicts(content: Any) -> None:
    """A body that cannot be read costs the verdicts, not the row."""
    assert evidence_of(246, {}, content, None, None).guardrails is None
