"""What the gateway tells of a response beside the answer."""

from __future__ import annotations

from typing import Any

import orjson
import pandas as pd
import pytest

from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.gateway.response_metadata import evidence_of
from portkey_handler.records import Evidence
from portkey_handler.session import Session


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


#: What stands where verdicts should be, as JSON; and what is read of it.
_DEEP = 100_000
_CHECKED = {"id": "g", "verdict": False, "on": "answer", "checks": {}}
NONSENSE: list[tuple[str, Any]] = [
    *((text, None) for text in ("[]", "[[]]", '"verdict"', "null", "0", "true", "NaN", "{}", '{"": ""}')),
    ("[" * _DEEP + "]" * _DEEP, None),
    ('{"a":' * _DEEP + "1" + "}" * _DEEP, None),
    ('{"after_request_hooks": {"id": "g"}}', None),
    ('{"after_request_hooks": [null, 0, "g", [], [{"id": "g"}]]}', None),
    ('{"after_request_hooks": [{}]}', None),
    ('{"after_request_hooks": [{"id": {"a": 1}, "verdict": "no", "checks": 3}]}', None),
    ('{"after_request_hooks": [{"id": "g", "verdict": false, "checks": "x"}]}', [_CHECKED]),
    ('{"after_request_hooks": [{"id": "g", "verdict": false, "checks": {"id": "x"}}]}', [_CHECKED]),
    ('{"after_request_hooks": [{"id": "g", "verdict": false, "checks": [null, 1, [], {}]}]}', [_CHECKED]),
    (
        '{"after_request_hooks": [{"id": "g", "verdict": false, "checks": [{"id": "c", "verdict": [1]}]}]}',
        [{**_CHECKED, "checks": {"c": None}}],
    ),
    (
        '{"after_request_hooks": [{"id": "' + "g" * 500 + '", "verdict": ' + "[" * 900 + "]" * 900 + "}]}",
        [{**_CHECKED, "id": "g" * 200, "verdict": None}],
    ),
    ('{"after_request_hooks": [{"id": "g\\ud83d", "verdict": 1e999}]}', [{**_CHECKED, "verdict": None}]),
    (
        '{"after_request_hooks": [' + ",".join(['{"id": "g", "verdict": false}'] * 500) + "]}",
        [_CHECKED] * 100,
    ),
]


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b"0", b"null"])
def test_a_guarded_response_without_verdicts(content: bytes) -> None:
    """A body that cannot be read costs the verdicts, not the row."""
    assert evidence_of(246, {}, content, None, None).guardrails is None


@pytest.mark.parametrize(("written", "read"), NONSENSE)
def test_verdicts_in_a_wrong_shape(written: str, read: Any) -> None:
    """What is no verdict is left out."""
    content = f'{{"hook_results": {written}}}'.encode()
    assert evidence_of(246, {}, content, None, None).guardrails == read


@pytest.mark.parametrize("status", [246, 446])
def test_verdicts_in_a_wrong_shape_cost_no_row(
    status: int, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are answered, cached and shown; those that were denied fail with an error of ours."""
    answer = '"choices": [{"message": {"content": "an answer"}, "finish_reason": "stop"}]'
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session() as session:
        session.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false; "
            "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', on_error = 'null', evidence = true"
        )
        for number, (written, _) in enumerate(NONSENSE):
            body = f'{{"hook_results": {written}' + (f", {answer}}}" if status == 246 else "}")
            provider.behaviour.faults = lambda _, body=body: Fault(status=status, body=body.encode())
            (row,) = session.sql(f"SELECT * FROM m WHERE q = 'row {number}'").to_dict("records")
            (again,) = session.sql(f"SELECT * FROM m WHERE q = 'row {number}'").to_dict("records")
            if status == 246 and len(written) < _DEEP:
                assert (row["a"], again["a"]) == ("an answer", "an answer")
                assert row["a_evidence"].get("guardrails") == again["a_evidence"].get("guardrails")
            else:
                assert pd.isna(row["a"])
                assert row["a_error"].startswith(
                    "446: " if status == 446 else f"the reply of {provider.base_url} is not JSON"
                )
