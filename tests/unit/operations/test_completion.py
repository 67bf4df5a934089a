"""Mode completion: the text that follows a row's text."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.predicting import bodies, predict, replying

from portkey_handler.errors import InputError, OptionError
from portkey_handler.gateway.offline import Fault, OfflineProvider

USING = {"mode": "completion", "model": "gpt-3.5-turbo-instruct"}


def test_defaults(provider: OfflineProvider) -> None:
    """Model and max_tokens are sent as in mode chat, and the only column is the prompt."""
    answers = predict(provider, {"q": ["Once upon"]}, {"mode": "completion"})
    assert bodies(provider) == [{"prompt": "Once upon", "model": "claude-2.1", "max_tokens": 100}]
    assert provider.requests[0].path == "/v1/completions"
    assert answers["answer"][0].endswith("| Once upon")
    evidence = answers["answer_evidence"][0]
    assert (evidence["prompt_tokens"], evidence["finish_reason"], evidence["attempts"]) == (2, "stop", 1)


@pytest.mark.parametrize(("cell", "prompt"), [
    ("日本 🙂 \x00\n", "日本 🙂 \x00\n"),
    ("{{ q }} {% if %}", "{{ q }} {% if %}"),
    (3, "3"),
    (2.5, "2.5"),
    (True, "true"),
    (decimal.Decimal("3.10"), "3.10"),
    (datetime.date(2026, 11, 20), "2026-11-20"),
    (b"caf\xc3\xa9", "café"),
    ([1, "a", None], '[1,"a",null]'),
    ({"a": [True]}, '{"a":[true]}'),
    (np.array([1, 2]), "[1,2]"),
])  # fmt: skip
def test_cells_become_text(cell: Any, prompt: str, provider: OfflineProvider) -> None:
    """Whatever the type, the prompt is the cell's text, and never a template."""
    predict(provider, pd.DataFrame({"q": pd.Series([cell], dtype=object)}), USING)
    assert [body["prompt"] for body in bodies(provider)] == [prompt]


def test_rows_without_a_prompt_and_rows_that_cannot_be_sent(provider: OfflineProvider) -> None:
    """NULL and blank are not sent and no failures; what is no text fails alone; equal ones go once."""
    cells = pd.Series(["a", None, float("nan"), pd.NA, " \n", b"\xff", object(), "a"], dtype=object)
    answers = predict(provider, {"q": cells}, USING)
    reasons = answers["answer_error"].tolist()
    assert reasons[1:4] == ["nothing to ask: q is NULL"] * 3
    assert reasons[4] == "nothing to ask: q is blank"
    assert reasons[5].startswith("q: the bytes are not UTF-8")
    assert reasons[6].startswith("q: a value of type object is not text")
    assert answers["answer"][7] == answers["answer"][0] is not None
    assert len(provider.requests) == 1


def test_whole_numbers_stay_whole_beside_null(provider: OfflineProvider) -> None:
    """Pandas makes floats of a column of numbers that has NULLs; 3 is 3 all the same."""
    predict(provider, {"q": [3, None, 4]}, USING)
    assert [body["prompt"] for body in bodies(provider)] == ["3", "4"]


def test_a_template_joins_columns(provider: OfflineProvider) -> None:
    """As in mode chat; a row of which all columns are NULL or blank has nothing to ask."""
    cells = {"a": ["x", None, None], "b": [1, 2, None]}
    answers = predict(provider, cells, {**USING, "prompt_template": "{{ a }}-{{ b }}"})
    assert [body["prompt"] for body in bodies(provider)] == ["x-1", "-2"]
    assert answers["answer_error"].tolist() == [None, None, "nothing to ask: a, b are NULL or blank"]


@pytest.mark.parametrize("name", ["system_prompt", "messages", "messages_column", "image_column"])
def test_what_only_a_chat_has_is_refused(name: str, provider: OfflineProvider) -> None:
    """A system prompt would be passed over in silence; the error says where it belongs."""
    value: Any = [{"role": "user", "content": "Hi"}] if name == "messages" else "q"
    with pytest.raises(OptionError, match=f"{name} belongs to mode chat; this model's is completion"):
        predict(provider, {"q": ["a"]}, {**USING, name: value})


def test_a_query_changes_the_request(provider: OfflineProvider) -> None:
    """SELECT … USING beats CREATE MODEL; what another mode has is passed over."""
    query = {"temperature": "0.5", "max_tokens": 3, "system_prompt": "Be brief.", "echo": "true"}
    predict(provider, {"q": ["a"]}, {**USING, "temperature": 1}, query=query)
    assert bodies(provider) == [
        {"prompt": "a", "model": USING["model"], "max_tokens": 3, "temperature": 0.5, "echo": True}
    ]


def test_a_missing_column_is_named(provider: OfflineProvider) -> None:
    """Before anything is sent."""
    with pytest.raises(InputError, match="column = 'p' is not among the rows' columns"):
        predict(provider, {"q": ["a"]}, {**USING, "column": "p"})
    assert provider.requests == []


def test_a_reply_of_another_kind_is_malformed(provider: OfflineProvider) -> None:
    """A chat's reply has no text in its place: the row fails and says what there was."""
    provider.behaviour.faults = replying(lambda _: {"choices": [{"message": {"content": "Hi"}}]})
    answers = predict(provider, {"q": ["a"]}, USING)
    assert answers["answer_error"].tolist() == ["the reply is not a completion: an object with choices"]
    assert answers["answer"].tolist() == [None]


def test_logprobs_and_fingerprint_are_in_the_evidence(provider: OfflineProvider) -> None:
    """Where the provider sends them; an answer that was kept still has them."""
    logprobs = {"tokens": [" Hi"], "token_logprobs": [-0.5]}
    choice = {"text": " Hi", "finish_reason": "stop", "logprobs": logprobs}
    provider.behaviour.faults = [
        Fault(status=200, body={"id": "cmpl-1", "system_fingerprint": "fp", "choices": [choice]})
    ]
    for _ in range(2):
        evidence = predict(provider, {"q": ["a"]}, {**USING, "logprobs": 1})["answer_evidence"][0]
        told = (evidence["logprobs"], evidence["request_id"], evidence["system_fingerprint"])
        assert told == (logprobs, "cmpl-1", "fp")
    assert len(provider.requests) == 1
