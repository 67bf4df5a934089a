"""Trace, spans and metadata: the headers of each request, and the ids in the evidence of its rows."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from support.embeddings import refusing, vector_of
from support.predicting import predict

from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.operations.item_keys import number_copies
from portkey_handler.operations.query_items import QueryItems
from portkey_handler.operations.tracing import Tracing
from portkey_handler.options import EngineConfig, Plan, resolve
from portkey_handler.records import Item, Skipped

SPAN, TRACE, METADATA = "x-portkey-span-id", "x-portkey-trace-id", "x-portkey-metadata"
EMBEDDING = {"mode": "embedding", "model": "m", "inputs_per_request": 2}


def plan_of(**using: Any) -> Plan:
    """Resolve CREATE MODEL … USING."""
    return resolve(target="answer", engine={}, model={"model": "m", **using}, environment={}).plan


def items_of(frame: pd.DataFrame, config: dict[str, Any] | None = None, **using: Any) -> list[Any]:
    """Make the items of a frame."""
    plan = plan_of(**using)
    gateway = GatewayConfig.resolve(EngineConfig({} if config is None else {"config": config}), plan)
    tracing = Tracing(plan.name, gateway.trace_id, gateway.metadata, may_route=gateway.routes_by_metadata)
    return list(QueryItems(plan, tracing).of(frame))


def spans(answers: pd.DataFrame) -> list[str]:
    """Give the spans in the evidence of rows."""
    return [evidence["span_id"] for evidence in answers["answer_evidence"]]


def test_each_row_has_a_span_and_its_own_metadata(provider: OfflineProvider) -> None:
    """All requests are of one trace; a span ends with its row's number."""
    using = {"metadata": {"shop": "{{ shop }}"}, "column": "q"}
    answers = predict(provider, {"q": ["a", "b"], "shop": ["Oslo", "Würzburg"]}, using)
    sent = [request.headers for request in provider.requests]
    assert [json.loads(headers[METADATA])["shop"] for headers in sent] == ["Oslo", "Würzburg"]
    assert [headers[SPAN][8:] for headers in sent] == ["00000000", "00000001"]
    assert len({headers[SPAN][:8] for headers in sent}) == 1
    assert spans(answers) == [headers[SPAN] for headers in sent]
    assert {evidence["trace_id"] for evidence in answers["answer_evidence"]} == {sent[0][TRACE]}
    assert sent[0][TRACE] == sent[1][TRACE]


def test_equal_rows_go_under_the_first_ones_headers(provider: OfflineProvider) -> None:
    """They are sent once, and the evidence of all leads to that request."""
    answers = predict(provider, {"q": ["a", "b", "a"]}, {"column": "q"})
    sent = [request.headers[SPAN] for request in provider.requests]
    assert [span[8:] for span in sent] == ["00000000", "00000001"]
    assert spans(answers) == [sent[0], sent[1], sent[0]]


def test_a_retry_and_a_second_question_go_under_the_same_headers(provider: OfflineProvider) -> None:
    """A row has one span, however many requests it takes."""
    provider.behaviour.faults = lambda request: Fault(status=500) if request.number == 1 else None
    predict(provider, {"q": ["a"]}, {"column": "q", "max_attempts": 3, "output": '{"mood": "text"}'})
    assert len(provider.requests) >= 2
    assert len({(one.headers[SPAN], one.headers[TRACE]) for one in provider.requests}) == 1


def test_the_halves_of_a_batch_go_under_the_batchs_headers(provider: OfflineProvider) -> None:
    """A row that is rejected alone, and the row that is answered, name the span of their batch."""
    provider.behaviour.faults = refusing("bad")
    answers = predict(provider, {"q": ["a", "bad", "c"]}, {**EMBEDDING, "column": "q"})
    sent = [request.headers[SPAN][8:] for request in provider.requests]
    assert sent == ["00000000"] * 3 + ["00000002"]
    assert [span[8:] for span in spans(answers)] == ["00000000", "00000000", "00000002"]
    assert answers["answer"].tolist() == [vector_of("a"), None, vector_of("c")]


@pytest.mark.parametrize("fault", [Fault("reset"), Fault(status=400), Fault(status=200, body="no JSON")])
def test_a_failed_row_names_its_span_and_trace(fault: Fault, provider: OfflineProvider) -> None:
    """Also where there was no response: the gateway may have logged the request all the same."""
    provider.behaviour.faults = lambda _: fault
    (evidence,) = predict(provider, {"q": ["a"]}, {"column": "q"})["answer_evidence"]
    headers = provider.requests[0].headers
    assert (evidence["span_id"], evidence["trace_id"]) == (headers[SPAN], headers[TRACE])


def test_headers_have_no_part_in_a_key() -> None:
    """Rows that differ in their metadata alone are equal."""
    frame = pd.DataFrame({"q": ["a", "a"], "shop": ["Oslo", "Rome"]})
    one, other = items_of(frame, column="q", metadata={"shop": "{{ shop }}"})
    assert one.key == other.key
    assert one.headers[METADATA] != other.headers[METADATA]


def test_metadata_that_may_route_are_part_of_a_key() -> None:
    """A config that chooses its target by metadata may have another model answer."""
    config = {"strategy": {"mode": "conditional"}, "targets": []}
    frame = pd.DataFrame({"q": ["a", "a", "a"], "shop": ["Oslo", "Rome", "Oslo"]})
    one, other, again = items_of(frame, config, column="q", metadata={"shop": "{{ shop }}"})
    assert one.key == again.key != other.key
    (shared,) = items_of(frame[:1], config, column="q", metadata={"shop": "Oslo"})
    (without,) = items_of(frame[:1], config, column="q")
    assert shared.key != without.key


def test_the_kth_of_equal_items_has_the_same_key_every_time() -> None:
    """Skipped rows stay where they are, and headers go along."""
    rows = [Item(b"a", 1, {"h": "1"}), Skipped("NULL"), Item(b"a", 1), Item(b"b", 2)]
    numbered = list(number_copies(rows))
    assert numbered == list(number_copies(rows))
    keys = [one.key for one in numbered if isinstance(one, Item)]
    assert keys == [b"a" + bytes(8), b"a" + bytes(7) + b"\1", b"b" + bytes(8)]
    assert numbered[1] == Skipped("NULL")
    assert isinstance(numbered[0], Item)
    assert numbered[0].headers == {"h": "1"}
