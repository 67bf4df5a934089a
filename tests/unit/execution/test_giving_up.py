"""What concerns one row never ends a query; what concerns all rows ends it soon."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import QueryError
from portkey_handler.execution import retry
from portkey_handler.execution.circuit_breaker import HOPELESS, LASTING
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.predictor import ask

TOO_LONG = Fault(
    status=400,
    body={
        "error": {
            "message": "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9000 tokens.",
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
        }
    },
)


def rows(number: int) -> pd.DataFrame:
    """Give so many rows that are all different."""
    return pd.DataFrame({"q": [f"row {row}" for row in range(number)]})


def predict(provider: OfflineProvider, frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Ask about each row."""
    return ask(frame, column="q", engine={"base_url": provider.base_url}, **options)


def fails(provider: OfflineProvider, fault: Fault, below: int) -> None:
    """Let the rows below a number fail, and answer the others with their prompt."""

    def what_goes_wrong(request: RecordedRequest) -> Fault | None:
        prompts = request.body.get("input") or [last_text(request.body)]
        return fault if any(int(prompt.split()[1]) < below for prompt in prompts) else None

    provider.behaviour.answer = last_text
    provider.behaviour.faults = what_goes_wrong


@pytest.mark.parametrize("fault", [TOO_LONG, Fault(status=400), Fault(status=403)])
@pytest.mark.parametrize("concurrency", [None, 1, 16])
def test_a_hundred_bad_rows_at_the_top_do_not_keep_the_others_from_being_asked(
    provider: OfflineProvider, fault: Fault, concurrency: int | None
) -> None:
    """They stopped 300 good ones for ever, on every run. Now rows from elsewhere are tried."""
    fails(provider, fault, 100)
    answers = predict(provider, rows(400), on_error="null", concurrency=concurrency)
    assert answers["answer"].isna().tolist() == [True] * 100 + [False] * 300
    assert answers["answer"][100:].tolist() == [f"row {row}" for row in range(100, 400)]
    assert len(provider.requests) == 400


def test_rows_from_elsewhere_are_asked_once(provider: OfflineProvider) -> None:
    """A row that was tried ahead is neither asked again nor a copy of itself; NULLs stay unasked."""
    fails(provider, TOO_LONG, 100)
    frame = rows(400)
    frame.loc[200:299, "q"] = [None, "row 350"] * 50
    answers = predict(provider, frame, on_error="null")
    assert (
        answers["answer"].isna().tolist() == [True] * 100 + [False] * 100 + [True, False] * 50 + [False] * 100
    )
    assert answers["answer"][300:].tolist() == [f"row {row}" for row in range(300, 400)]
    assert answers["answer_error"][200:300:2].tolist() == ["nothing to ask: q is NULL"] * 50
    assert len(provider.requests) == 300


def test_texts_that_are_embedded_are_tried_from_elsewhere_too(provider: OfflineProvider) -> None:
    """A batch is one request: 40 bad ones at the top are as many failures."""
    fails(provider, Fault(status=400), 80)
    answers = predict(
        provider,
        rows(120),
        mode="embedding",
        inputs_per_request=2,
        on_error="null",
        model="text-embedding-3-small",
    )
    assert answers["answer"].isna().tolist() == [True] * 80 + [False] * 40


def test_rows_that_are_too_long_are_tried_ten_times_as_long(provider: OfflineProvider) -> None:
    """Nine rows of ten may be too long: their error speaks of them, not of the others."""
    fails(provider, TOO_LONG, 10_000)
    with pytest.raises(QueryError) as caught:
        predict(provider, rows(2000))
    assert str(caught.value).startswith(
        f"the query was stopped after {len(provider.requests)} requests, because no other row could succeed: "
        "400: This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 "
        "tokens.; running again needs at most "
    )
    assert (HOPELESS - 1) * LASTING <= len(provider.requests) <= HOPELESS * LASTING


@pytest.mark.parametrize("concurrency", [None, 2, 16, 100])
def test_a_model_that_does_not_exist_ends_the_query_within_a_flight(
    provider: OfflineProvider, concurrency: int | None
) -> None:
    """After at most 32 failures, and what was in flight then."""
    provider.behaviour.unknown_models = {"gpt-5-mni"}
    with pytest.raises(QueryError, match=r"^the query was stopped after .*404.* instead of 'gpt-5-mni'"):
        predict(provider, rows(500), model="gpt-5-mni", concurrency=concurrency)
    assert len(provider.requests) <= HOPELESS


def test_a_403_without_words_about_a_key_is_its_rows_own(provider: OfflineProvider) -> None:
    """A firewall answered first, and the key was blamed."""
    fails(provider, Fault(status=403, body="Forbidden"), 1)
    answers = predict(provider, rows(40), on_error="null", concurrency=1)
    assert answers["answer"].isna().tolist() == [True] + [False] * 39


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=429),
        Fault(status=503),
        Fault(status=429, headers={"Retry-After": "0.2"}),
        Fault("reset"),
    ],
    ids=["500", "429", "503", "429 with a wait", "reset"],
)
def test_a_provider_that_answers_nothing_is_given_up_soon(
    provider: OfflineProvider, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows fail from the start: after some seconds the query ends, whatever `max_attempts` says."""
    monkeypatch.setattr(retry, "PATIENCE", 1.0)
    monkeypatch.setattr(retry, "LAST_PATIENCE", 1.6)
    provider.behaviour.faults = lambda request: fault if request.method == "POST" else None
    with pytest.raises(QueryError, match=r"^the query was stopped after "):
        predict(provider, rows(5000), max_attempts=100)
    # The tries of the first second, and one of each of the others.
    assert len(provider.requests) <= 3 * HOPELESS


def test_a_provider_that_is_back_in_time_answers_every_row(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that wait for their next try when it comes back are answered too."""
    monkeypatch.setattr(retry, "PATIENCE", 60.0)
    provider.behaviour.faults = [Fault(status=500)] * 20
    answers = predict(provider, rows(40))
    assert answers["answer"].notna().all()


def test_a_wait_that_is_asked_for_is_no_lost_patience(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that wants a second is given it, though the patience is shorter."""
    monkeypatch.setattr(retry, "PATIENCE", 0.3)
    monkeypatch.setattr(retry, "LAST_PATIENCE", 0.5)
    provider.behaviour.faults = [Fault(status=429, headers={"Retry-After": "1"})] * 8
    answers = predict(provider, rows(40))
    assert answers["answer"].notna().all()


def test_after_answers_of_an_earlier_query_the_patience_is_longer(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that failed in an earlier query and fail again do not end this one at once."""
    monkeypatch.setattr(retry, "PATIENCE", 0.1)
    monkeypatch.setattr(retry, "LAST_PATIENCE", 0.1)
    fails(provider, Fault(status=500), 60)
    for _ in range(2):
        answers = predict(provider, rows(100), on_error="null", max_attempts=2)
        assert answers["answer"].isna().tolist() == [True] * 60 + [False] * 40


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body="<html><body>Sign in</body></html>"),
        Fault(status=200, body=b""),
        Fault(status=200, body={"object": "chat.completion", "choices": []}),
        Fault(status=200, body={"result": "ok"}),
        Fault(status=200, body=[1, 2]),
    ],
    ids=["a page", "nothing", "no choice", "another shape", "a list"],
)
def test_replies_that_are_no_answers_end_the_query_soon(provider: OfflineProvider, fault: Fault) -> None:
    """Each may have been paid for: two tries a row, and a flight of rows."""
    provider.behaviour.faults = lambda _: fault
    with pytest.raises(QueryError, match=r"^the query was stopped after "):
        predict(provider, rows(1000))
    assert len(provider.requests) <= 2 * (HOPELESS + 8)


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        ({"message": {"content": ""}, "finish_reason": "length"}, {}),
        ({"message": {"content": "half"}, "finish_reason": "content_filter"}, {}),
        ({"message": {"content": "Sure, here it is"}, "finish_reason": "stop"}, {"output": "tone string"}),
    ],
    ids=["cut off", "filtered", "prose"],
)
def test_replies_that_are_paid_and_of_no_use_end_a_query_too(
    choice: Any, options: Any, provider: OfflineProvider
) -> None:
    """A whole table is not paid for without one answer."""
    provider.behaviour.faults = lambda _request: Fault(status=200, body={"choices": [choice]})
    with pytest.raises(QueryError, match="because no other row could succeed: no answer could be used"):
        predict(provider, rows(1000), **options)
    assert len(provider.requests) <= 3 * HOPELESS * LASTING


def test_one_answer_among_replies_of_no_use_lets_a_query_go_on(provider: OfflineProvider) -> None:
    """The others may be the rows that a filter holds back."""
    filtered = {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}

    def faults(request: RecordedRequest) -> Fault | None:
        return Fault(status=200, body=filtered) if last_text(request.body) != "row 125" else None

    provider.behaviour.faults = faults
    answers = predict(provider, rows(1000), on_error="null")
    assert len(provider.requests) == 1000
    assert answers["answer"].notna().sum() == 1


@pytest.mark.parametrize(
    "refusal",
    [
        Fault(status=401, body={"error": {"message": "the repository is gated"}}),
        Fault(status=402, body={"error": {"message": "requires more credits, or fewer max_tokens"}}),
        Fault(status=403, body={"error": {"message": "permission denied for this model"}}),
        Fault(status=429, body={"error": {"message": "exceeded your current quota"}}),
        Fault(status=500, body={"error": {"message": "complete is not supported by anthropic"}}),
    ],
    ids=["401", "402", "403", "429", "500"],
)
def test_what_one_model_refuses_does_not_end_the_rows_of_the_others(
    refusal: Fault, provider: OfflineProvider
) -> None:
    """Where each row has a model, an error may be that of one model."""
    provider.behaviour.faults = lambda request: refusal if request.body["model"] == "bad" else None
    frame = rows(40).assign(llm=["bad"] * 3 + ["good"] * 37)
    answers = predict(provider, frame, model="{{ llm }}", on_error="null", max_attempts=2)
    assert answers["answer"].isna().tolist() == [True] * 3 + [False] * 37


@pytest.mark.parametrize("answered", [0, 50])
def test_a_key_that_all_models_refuse_ends_the_query(answered: int, provider: OfflineProvider) -> None:
    """One error does not speak of all rows then, but many do."""
    rejected = Fault(status=401, body={"error": {"message": "the key has expired"}})
    seen: list[object] = []

    def faults(request: RecordedRequest) -> Fault | None:
        seen.append(request)
        return rejected if len(seen) > answered else None

    provider.behaviour.faults = faults
    with pytest.raises(QueryError, match="no other row could succeed: 401"):
        predict(provider, rows(2000).assign(llm="m"), model="{{ llm }}", concurrency=8)
    assert len(seen) <= answered + HOPELESS + 2 * 8
