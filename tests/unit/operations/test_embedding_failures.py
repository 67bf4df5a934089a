"""Mode embedding: bad inputs, replies that do not fit, and whose tokens are whose."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from support.embeddings import USING, inputs, refusing, reply, vector_of
from support.predicting import predict, replying

from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest


@pytest.mark.parametrize("status", [400, 413, 422, 446])
def test_one_bad_input_fails_alone(status: int, provider: OfflineProvider) -> None:
    """The batch is halved until it is alone; mended, it is the only one that is sent again."""
    texts = ["a", "b", "bad", "d", "e", "f", "g", "h"]
    provider.behaviour.faults = refusing("bad", status=status)
    answers = predict(provider, {"q": texts}, USING)
    assert inputs(provider) == [texts, texts[:4], ["a", "b"], ["bad", "d"], ["bad"], ["d"], texts[4:]]
    expected = [None if text == "bad" else vector_of(text) for text in texts]
    assert answers["answer"].tolist() == expected
    assert [reason is not None for reason in answers["answer_error"]] == [text == "bad" for text in texts]
    assert answers["answer_error"][2].startswith(f"{status}: ")
    evidence = answers["answer_evidence"].tolist()
    assert [one["attempts"] for one in evidence] == [3, 3, 4, 4, 2, 2, 2, 2]
    assert [one["status"] for one in evidence] == [200, 200, status, 200, 200, 200, 200, 200]

    provider.requests.clear()
    mended = predict(provider, {"q": ["good" if text == "bad" else text for text in texts]}, USING)
    assert inputs(provider) == [["good"]]
    assert mended["answer_error"].tolist() == [None] * 8
    assert mended["answer"][2] == vector_of("good")


def test_all_inputs_may_be_bad(provider: OfflineProvider) -> None:
    """Each fails with its own error."""
    provider.behaviour.faults = refusing("a", "b", "c")
    answers = predict(provider, {"q": ["a", "b", "c"]}, USING)
    assert answers["answer"].tolist() == [None] * 3
    assert all(reason.startswith("400: ") for reason in answers["answer_error"])


def test_attempts_of_a_batch_are_those_of_each_row(provider: OfflineProvider) -> None:
    """A request that was tried twice was tried twice for every row in it."""
    provider.behaviour.faults = [Fault(status=500, headers={"retry-after-ms": "1"})]
    answers = predict(provider, {"q": ["a", "b"]}, {**USING, "max_attempts": 2})
    assert [evidence["attempts"] for evidence in answers["answer_evidence"]] == [2, 2]
    assert answers["answer"].tolist() == [vector_of("a"), vector_of("b")]


@pytest.mark.parametrize(
    ("fault", "last"),
    [(Fault(status=500), True), (Fault(status=401), False), (Fault(kind="malformed"), True)],
    ids=["500", "401", "malformed"],
)
def test_what_a_part_was_answered_is_kept_when_another_fails(
    fault: Fault, last: bool, provider: OfflineProvider
) -> None:
    """The vectors of the first half are paid, and so they are there, and not asked again."""
    texts = ["a", "b", "bad", "d"]

    def faults(request: RecordedRequest) -> Fault | None:
        if "bad" not in request.body["input"]:
            return None
        return Fault(status=400) if len(request.body["input"]) == 4 else fault

    provider.behaviour.faults = faults
    answers = predict(provider, {"q": texts}, USING)
    found = [vector_of("a"), vector_of("b"), None, vector_of("d") if last else None]
    assert answers["answer"].tolist() == found
    assert [reason is None for reason in answers["answer_error"]] == [vector is not None for vector in found]
    provider.behaviour.faults = None
    provider.requests.clear()
    assert predict(provider, {"q": texts}, USING)["answer_error"].tolist() == [None] * 4
    assert inputs(provider) == [["bad"] if last else ["bad", "d"]]


def test_a_key_that_is_rejected_ends_the_batch(provider: OfflineProvider) -> None:
    """What concerns every row is not found out for each of them."""
    texts = ["a", "b", "c", "d"]
    statuses = {4: 400, 2: 401}
    provider.behaviour.faults = lambda request: Fault(status=statuses[len(request.body["input"])])
    with pytest.raises(QueryError, match="stopped after 2 requests, because no other row could succeed: 401"):
        predict(provider, {"q": texts}, {**USING, "on_error": "raise"})
    assert [len(one) for one in inputs(provider)] == [4, 2]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (reply([]), "the reply has 0 embeddings for 1 input"),
        ({"data": [{"index": 0, "embedding": [1]}] * 2}, "the reply has 1 embeddings for 1 input"),
        (
            {"data": [{"index": 7, "embedding": [1]}]},
            "the reply is not a list of embeddings: an object with data",
        ),
        (
            {"data": [{"index": "0", "embedding": [1]}]},
            "the reply is not a list of embeddings: an object with data",
        ),
        ({"data": None}, "the reply is not a list of embeddings: an object with data"),
        ({"choices": [{}]}, "the reply is not a list of embeddings: an object with choices"),
        ([], "the reply is not a list of embeddings: list"),
    ],
)
def test_replies_that_never_fit_end_the_batch_soon(body: Any, reason: str, provider: OfflineProvider) -> None:
    """A single bad text is as many halves deep; where more fail, all do, without a request for each."""
    texts = [f"text {number}" for number in range(64)]
    provider.behaviour.faults = replying(lambda _: body)
    answers = predict(provider, {"q": texts}, {**USING, "on_error": "null"})
    assert answers["answer"].tolist() == [None] * 64
    assert {re.sub(r"for \d+ inputs", "for 1 input", one) for one in answers["answer_error"]} == {reason}
    assert len(provider.requests) == 9


@pytest.mark.parametrize(
    "wrong",
    [
        lambda texts: reply([vector_of(text) for text in texts[1:]]),
        lambda texts: {"data": [{"index": 0, "embedding": vector_of(text)} for text in texts]},
        lambda texts: reply([vector_of(text) for text in (*texts, "more")]),
    ],
    ids=["one is missing", "an index repeats", "one too many"],
)
def test_a_text_that_mixes_up_the_vectors_is_found(wrong: Any, provider: OfflineProvider) -> None:
    """By halving; no row gets the vector of another."""
    texts = ["a", "b", "bad", "d", "e"]

    def answer(body: Any) -> Any:
        given = body["input"]
        return wrong(given) if "bad" in given else reply([vector_of(text) for text in given])

    provider.behaviour.faults = replying(answer)
    answers = predict(provider, {"q": texts}, USING)
    others = [text for text in texts if text != "bad"]
    found = dict(zip(texts, answers["answer"], strict=True))
    assert {text: found[text] for text in others} == {text: vector_of(text) for text in others}
    assert answers["answer_error"].notna().tolist() == [
        text == "bad" and found["bad"] is None for text in texts
    ]


@pytest.mark.parametrize(
    ("embedding", "why"),
    [
        ([0.0, 0, 0.0], "all of its numbers are zero"),
        ([], "it is empty"),
        (None, "it is null"),
        ([None, 1, 2], "it holds what is no number"),
        (["a", 1, 2], "it holds what is no number"),
        ({"float": [1]}, "it is no list"),
        ("not base64!", "it is no base64 of numbers"),
        ("AADAfwAAgD8AAIA/", "it holds NaN or infinity"),
        ([1.0] * 5, "5"),
    ],
)
def test_what_is_no_vector_fails_alone(embedding: Any, why: str, provider: OfflineProvider) -> None:
    """Zeros, NaN and another length were kept as answers; the others of its request are answered."""
    texts = ["a", "bad", "c"]
    vectors = [[1.0, 2.0, 3.0], embedding, [4.0, 5.0, 6.0]]
    provider.behaviour.faults = replying(lambda _: reply(vectors))
    answers = predict(provider, {"q": texts}, USING)
    said = (
        "the provider gave a vector of 5 numbers, and others of 3"
        if why == "5"
        else f"the provider gave no vector: {why}"
    )
    assert answers["answer"].tolist() == [vectors[0], None, vectors[2]]
    assert answers["answer_error"].tolist() == [None, said, None]
    assert len(provider.requests) == 1


def test_a_server_that_fails_at_one_text(provider: OfflineProvider) -> None:
    """After it has answered others, the text is looked for."""

    def faults(request: RecordedRequest) -> Fault | None:
        return Fault(status=500, headers={"retry-after-ms": "1"}) if "bad" in request.body["input"] else None

    provider.behaviour.faults = faults
    texts = ["a", "b", "c", "d", "e", "bad", "g", "h"]
    answers = predict(
        provider, {"q": texts}, {**USING, "inputs_per_request": 4, "max_attempts": 2, "concurrency": 1}
    )
    assert [text for text, value in zip(texts, answers["answer"], strict=True) if value is None] == ["bad"]


# The evidence


@pytest.mark.parametrize("usage", [
    {"prompt_tokens": 11, "total_tokens": 11},
    {"prompt_tokens": 11, "total_tokens": 12, "completion_tokens": 1},
    {"prompt_tokens": 5, "total_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}},
    {"prompt_tokens": 2},
])  # fmt: skip
def test_tokens_of_a_batch_sum_up_to_what_the_provider_counted(
    usage: dict[str, Any], provider: OfflineProvider
) -> None:
    """Whose they are nobody tells, so they are divided evenly; the sum over the rows is what is paid."""
    provider.behaviour.faults = replying(lambda body: reply([[1.0]] * len(body["input"]), usage=usage))
    answers = predict(provider, {"q": ["a", "b", "c"]}, USING)
    evidence = pd.DataFrame(answers["answer_evidence"].tolist())
    cached = usage.get("prompt_tokens_details", {})
    counted = {name: count for name, count in {**usage, **cached}.items() if isinstance(count, int)}
    assert {name: evidence[name].sum() for name in counted} == counted
    assert evidence["prompt_tokens"].max() - evidence["prompt_tokens"].min() <= 1
    assert [name for name in evidence if name.endswith("_tokens") and name not in counted] == []


def test_rows_of_one_request_share_its_span(provider: OfflineProvider) -> None:
    """The gateway logs one request, under the first row's span; the evidence of all leads to it."""
    answers = predict(provider, {"q": ["a", "b", "c"]}, {**USING, "inputs_per_request": 2})
    spans = [evidence["span_id"] for evidence in answers["answer_evidence"]]
    sent = [request.headers["x-portkey-span-id"] for request in provider.requests]
    assert spans == [sent[0], sent[0], sent[1]]


def test_a_server_that_fails_at_one_text_before_any_answer(provider: OfflineProvider) -> None:
    """A whole request is tried twice; then the text is looked for, without more tries at each half."""
    failure = Fault(status=500, headers={"retry-after-ms": "1"}, body={"error": {"message": "input is too large to process"}})  # fmt: skip
    provider.behaviour.faults = lambda request: failure if "bad" in request.body["input"] else None
    texts = ["a", "b", "bad", "d"]
    answers = predict(provider, {"q": texts}, {**USING, "max_attempts": 4})
    assert answers["answer"].isna().tolist() == [False, False, True, False]
    assert inputs(provider) == [
        *[texts] * 2, texts[:2], *[texts[2:]] * 2, *[["bad"]] * 4, ["d"],
    ]  # fmt: skip
