"""Mode request: any path of the gateway, with a body made of the row and an answer taken out of the reply."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.predicting import bodies, predict, replying
from support.storage import make_handler

from portkey_handler.errors import InputError, OptionError, TemplateError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

RERANK = {
    "mode": "request",
    "path": "/rerank",
    "model": "rerank-v3.5",
    "body": {"query": "{{ q }}", "documents": "{{ documents }}"},
}
MODERATION = {"mode": "request", "path": "/moderations", "body": {"input": "{{ text }}"}}


def body_of(provider: OfflineProvider, body: Any, cells: Any) -> Any:
    """Give the body that one row becomes."""
    predict(provider, cells, {"mode": "request", "path": "/moderations", "body": body})
    return bodies(provider)[-1]


# The answer


ASKED = [{"role": "user", "content": "{{ text }}"}]
RERANKED = {"q": ["blue sky"], "documents": [["sea", "blue sky", "sky"]]}


@pytest.mark.parametrize(("answer", "value"), [
    ("$.results[0].index", 1),
    ("$.results[0]", {"index": 1, "relevance_score": 1.0}),
    ("$.results[*].index", [1, 2, 0]),
    ("$..relevance_score", [1.0, 0.5, 0.0]),
    ("$.results[?@.relevance_score > 0.4].index", [1, 2]),
    ("$.results[5:]", []),
    ("$['meta']['billed_units']", {"search_units": 1}),
])  # fmt: skip
def test_the_answer_is_what_the_path_points_at(answer: str, value: Any, provider: OfflineProvider) -> None:
    """One place gives what stands there, a path that may have several places a list, empty too."""
    answers = predict(provider, RERANKED, {**RERANK, "answer": answer})
    assert answers["answer"].tolist() == [value]
    assert answers["answer_error"].tolist() == [None]


def test_without_a_path_the_whole_reply_is_the_answer(provider: OfflineProvider) -> None:
    """As an object; the evidence tells what it does for every operation."""
    using = {"mode": "request", "path": "/responses", "model": "m", "body": {"input": "{{ text }}"}}
    answers = predict(provider, {"text": ["Hi"]}, using)
    assert answers["answer"][0]["output"][0]["content"][0]["text"].endswith("| Hi")
    evidence = answers["answer_evidence"][0]
    assert (evidence["prompt_tokens"], evidence["model"], evidence["attempts"]) == (1, "m", 1)
    assert evidence["request_id"] == answers["answer"][0]["id"]


@pytest.mark.parametrize(("path", "body", "reason"), [
    ("/responses", {"input": "{{ text }}", "max_output_tokens": 1}, "max_output_tokens"),
    ("/messages", {"messages": ASKED, "max_tokens": 1}, "max_tokens"),
    ("/chat/completions", {"messages": ASKED, "max_tokens": 1}, "length"),
    ("/completions", {"prompt": "{{ text }}", "max_tokens": 1}, "length"),
])  # fmt: skip
def test_evidence_of_other_endpoints(path: str, body: Any, reason: str, provider: OfflineProvider) -> None:
    """Tokens and why the model stopped stand in each endpoint's own places."""
    using = {"mode": "request", "path": path, "model": "m", "body": body}
    evidence = predict(provider, {"text": ["Hi"]}, using)["answer_evidence"][0]
    assert (evidence["prompt_tokens"], evidence["completion_tokens"]) == (1, 1)
    assert evidence["finish_reason"] == reason


@pytest.mark.parametrize("reply", [[1, 2], "text", 3, None])
def test_a_reply_need_not_be_an_object(reply: Any, provider: OfflineProvider) -> None:
    """Any JSON is an answer."""
    provider.behaviour.faults = replying(lambda _: json.dumps(reply))
    assert predict(provider, {"text": ["a"]}, MODERATION)["answer"].tolist() == [reply]
    failed = predict(provider, {"text": ["b"]}, {**MODERATION, "answer": "$.results"})
    assert failed["answer_error"].tolist() == ["the reply has nothing at $.results"]


def test_where_the_path_points_at_nothing_the_row_fails(provider: OfflineProvider) -> None:
    """The reply had no answer in it; a NULL that stands there is one."""
    answers = predict(provider, RERANKED, {**RERANK, "answer": "$.results[7].index"})
    assert answers["answer_error"].tolist() == ["the reply has nothing at $.results[7].index"]
    assert answers["answer_evidence"][0]["status"] == 200
    provider.behaviour.faults = replying(lambda _: {"results": [{"index": None}]})
    answers = predict(provider, RERANKED, {**RERANK, "answer": "$.results[0].index"})
    assert (answers["answer"][0], answers["answer_error"][0]) == (None, None)


@pytest.mark.parametrize("answer", [
    "results", "$.", "$[", "$.results[?match(@.a, '(a+)+')]", "$[?length(@.a) > 1]", "$[?search(@.a, 'b')]",
])  # fmt: skip
def test_a_wrong_path_is_refused(answer: str, provider: OfflineProvider) -> None:
    """Before there are rows; so are functions, whose patterns may never end."""
    with pytest.raises(OptionError, match=r"^answer: expected a JSONPath without functions"):
        predict(provider, RERANKED, {**RERANK, "answer": answer})
    assert provider.requests == []


# The body


@pytest.mark.parametrize(("cell", "sent"), [
    ("a {{ b }}", "a {{ b }}"),
    ("日本", "日本"),
    ("", ""),
    (3, 3),
    (2**60, 2**60),
    (0.1, 0.1),
    (True, True),
    (None, None),
    (float("nan"), None),
    (pd.NA, None),
    (pd.NaT, None),
    ([1, "a", None, [2.5]], [1, "a", None, [2.5]]),
    ({"a": {"b": [True]}}, {"a": {"b": [True]}}),
    ((1, 2), [1, 2]),
    (np.int64(3), 3),
    (np.float32(0.1), 0.1),
    (np.bool_(True), True),
    (np.array([1, 2]), [1, 2]),
    (np.array(["a", None], dtype=object), ["a", None]),
    (Decimal("3.10"), 3.1),
    (Decimal("12345678901234567"), 12345678901234567),
    (datetime.date(2026, 11, 20), "2026-11-20"),
    (b"caf\xc3\xa9", "café"),
])  # fmt: skip
def test_a_column_alone_stays_what_it_is(cell: Any, sent: Any, provider: OfflineProvider) -> None:
    """A list stays a list, a number a number, NULL is null; beside other text it is text."""
    frame = pd.DataFrame({"c": pd.Series([cell], dtype=object), "x": [1]})
    body = body_of(provider, {"input": "a", "c": "{{ c }}", "x": "{{x}}", "deep": [{"c": "{{ c }}"}]}, frame)
    assert body == {"input": "a", "c": sent, "x": 1, "deep": [{"c": sent}]}
    assert type(body["c"]) is type(sent)


def test_whole_numbers_stay_whole_beside_null(provider: OfflineProvider) -> None:
    """In a column that pandas made floats of."""
    body = {"input": "a", "n": "{{ n }}"}
    predict(provider, {"n": [3, None], "x": [1, 1]}, {**MODERATION, "body": {**body, "x": "{{ x }}"}})
    assert [json.dumps(sent["n"]) for sent in bodies(provider)] == ["3", "null"]


def test_a_column_beside_text_is_text(provider: OfflineProvider) -> None:
    """And so is one with a filter."""
    body = {"input": "n = {{ n }}, {{ none }}", "upper": "{{ q | upper }}", "{{ q }}": 1}
    sent = body_of(provider, body, {"n": [3], "none": [None], "q": ["a"]})
    assert sent == {"input": "n = 3, ", "upper": "A", "{{ q }}": 1}


def test_what_json_cannot_hold_fails_its_row(provider: OfflineProvider) -> None:
    """The column is named; other rows are asked."""
    cells = pd.Series(["a", object(), "\ud800", b"\xff"], dtype=object)
    reasons = predict(provider, {"text": cells}, MODERATION)["answer_error"].tolist()
    assert reasons[0] is None
    assert reasons[1].startswith("column 'text': the value cannot be written as JSON")
    assert "surrogate" in reasons[2]
    assert reasons[3].startswith("column 'text': the value cannot be written as JSON")
    assert len(provider.requests) == 1


def test_rows_whose_cells_are_all_null_or_blank_are_not_asked(provider: OfflineProvider) -> None:
    """One cell with something in it is enough; a body without columns is sent for every row."""
    cells = {"q": ["blue", None], "documents": [["sky"], None]}
    answers = predict(provider, cells, RERANK)
    assert answers["answer_error"].tolist() == [None, "nothing to ask: q, documents are NULL or blank"]
    constant = predict(provider, cells, {**MODERATION, "body": {"input": "a"}, "constant_prompt": True})
    assert constant["answer_error"].tolist() == [None, None]
    assert len(provider.requests) == 2  # equal rows are asked once


def test_what_a_query_names_beats_the_body(provider: OfflineProvider) -> None:
    """SELECT … USING model and parameters replace what CREATE MODEL wrote into the body, whole."""
    body = {**RERANK["body"], "model": "old", "top_n": 3}
    using = {**RERANK, "model": None, "body": body}
    predict(provider, RERANKED, using)
    predict(provider, RERANKED, using, query={"model": "new", "parameters": {"top_n": 1}})
    assert [(sent["model"], sent["top_n"]) for sent in bodies(provider)] == [("old", 3), ("new", 1)]


def test_no_model_is_sent_that_nobody_named(provider: OfflineProvider) -> None:
    """The default is for chats."""
    predict(provider, {"text": ["a"]}, MODERATION)
    assert bodies(provider) == [{"input": "a"}]


def test_answers_are_kept_by_path_body_and_answer(provider: OfflineProvider) -> None:
    """The same again sends nothing; another path to the answer is another question."""
    for _ in range(2):
        predict(provider, RERANKED, {**RERANK, "answer": "$.results[0].index"})
    assert len(provider.requests) == 1
    other = predict(provider, RERANKED, {**RERANK, "answer": "$.results[1].index"})
    assert other["answer"].tolist() == [2]


# Options


@pytest.mark.parametrize(("using", "words"), [
    ({"path": None}, "mode = 'request' needs path"),
    ({"body": None}, "mode = 'request' needs body"),
    ({"body": "a"}, "body: expected"),
    ({"body": [1]}, "body: expected"),
    ({"body": {"input": "{{ text }}", "stream": True}}, "body.stream cannot be used here"),
    ({"column": "text"}, "column belongs to mode"),
    ({"temperature": 1}, "temperature belongs to mode"),
])  # fmt: skip
def test_wrong_options_are_refused(using: dict[str, Any], words: str, provider: OfflineProvider) -> None:
    """Before there are rows."""
    with pytest.raises(OptionError, match=words):
        predict(provider, {"text": ["a"]}, {**MODERATION, **using})
    assert provider.requests == []


def test_a_wrong_template_names_its_place(provider: OfflineProvider) -> None:
    """Which part of the body it is in; so does a column that the rows lack."""
    with pytest.raises(TemplateError, match=r"body\.a\[1\]\.b"):
        predict(provider, {"text": ["a"]}, {**MODERATION, "body": {"a": [1, {"b": "{{ text"}]}})
    with pytest.raises(InputError, match="body: there is no column 'tex', did you mean 'text'"):
        predict(provider, {"text": ["a"]}, {**MODERATION, "body": {"a": "{{ tex }}"}})


def test_names_that_other_integrations_use(provider: OfflineProvider) -> None:
    """They mean the same: gateway_url, api_key, other_parameters (and stop_sequences, in other modes)."""
    engine = {"gateway_url": provider.base_url, "api_key": "pk-1"}
    handler = make_handler(engine, {**MODERATION, "other_parameters": {"model": "omni"}})
    handler.predict(pd.DataFrame({"text": ["a"]}))
    assert provider.requests[0].headers["x-portkey-api-key"] == "pk-1"
    assert bodies(provider) == [{"input": "a", "model": "omni"}]


def test_reranking_in_sql(provider: OfflineProvider) -> None:
    """A list of the table goes into the body as a list, and numbers come out as numbers."""
    with Session() as session:
        session.register(
            "t", pd.DataFrame({"q": ["blue sky", "sea"], "docs": [["sea", "blue"], ["the sea", "x"]]})
        )
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL rerank PREDICT best USING engine = 'e', mode = 'request', path = '/rerank', "
            """body = {"query": "{{ q }}", "documents": "{{ docs }}", "top_n": 1}, model = 'm', """
            "answer = '$.results[0].index';"
        )
        rows = session.sql("SELECT t.q, m.best FROM t JOIN rerank AS m ORDER BY t.q")
    assert rows["best"].tolist() == [1, 0]
    assert sorted(body["documents"] for body in bodies(provider)) == [["sea", "blue"], ["the sea", "x"]]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"content": [{"type": "text", "text": "half"}], "stop_reason": "refusal"}, "$.content[0].text"),
        ({"output": "half", "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "$.output"),
        ({"choices": [{"message": {"content": "half"}, "finish_reason": "content_filter"}]}, "$.choices[0].message.content"),
    ],
)  # fmt: skip
def test_half_an_answer_is_none(body: Any, answer: str, provider: OfflineProvider) -> None:
    """What the provider held back or refused is a failure of its row here too."""
    provider.behaviour.faults = replying(lambda _sent: body)
    using = {
        "mode": "request",
        "path": "/chat/completions",
        "body": {"q": "{{ q }}"},
        "answer": answer,
        "reuse": "never",
    }
    row = predict(provider, {"q": ["a"]}, using).iloc[0]
    assert row["answer"] is None
    assert row["answer_error"] in ("the model refused", "the provider's content filter held the answer back")
