"""Typed answers: what fits, what is asked once more, what is not, and what it costs."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from support.predicting import bodies, predict
from support.typed import FITS, OUTPUT, SCHEMA, ask, refused, said

from portkey_handler.gateway.offline import Fault, OfflineProvider

MISFIT = "the answer does not fit output, and neither did the one before it: "
CUT_OFF = "max_tokens ran out before the answer was complete; raise max_tokens"

# What does not fit

WRONG = [
    ("Sure!", "it is not JSON"),
    (f"Here it is:\n```json\n{FITS}\n```", "it is not JSON"),
    ("{'tone': 'warm', 'score': 0.5}", "it is not JSON"),
    ("null", "expected object, not null"),
    (f"[{FITS}]", "expected object, not a list"),
    ('{"tone": "warm"}', "score is missing"),
    ('{"tone": "warm", "score": "0.5"}', "score: expected number, not a text"),
    ('{"tone": "warm", "score": true}', "score: expected number, not true or false"),
    ('{"tone": null, "score": 1}', "tone: expected string, not null"),
    ('{"tone": "warm", "score": NaN}', "NaN is not JSON"),
    ('{"tone": "warm", "score": -Infinity}', "-Infinity is not JSON"),
    ('{"tone": "warm", "score": 1e999}', "a number in it is too large"),
    ('{"tone": "warm", "score": 99999999999999999999}', "a number in it is beyond 64 bits"),
    ('{"tone": "\\ud800", "score": 1}', "a text in it is not valid UTF-8"),
    ('{"tone": "warm", "score": 1, "score": 2}', "a name occurs twice in one object"),
    ('{"tone": "warm", "score": 1, "why": "x", "how": {}}', "why, how are not asked for"),
    ('{"tone": ' + "[" * 400 + "]" * 400 + "}", "it is nested too deeply"),
    ('{"tone": ' + "[" * 100_000, "it is nested too deeply"),
]


@pytest.mark.parametrize(("text", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
def test_what_does_not_fit_is_asked_once_more(provider: OfflineProvider, text: str, complaint: str) -> None:
    """The model sees what it wrote and what is wrong with it; the answer that fits is the row's."""
    row = ask(provider, said(text), said(FITS), output_method="json_schema")

    assert (row["answer"], row["answer_error"]) == ({"tone": "warm", "score": 0.5}, None)
    first, second = bodies(provider)
    assert second["response_format"] == first["response_format"]
    asked, wrote, wrong = second["messages"]
    assert [asked, wrote] == [*first["messages"], {"role": "assistant", "content": text}]
    assert wrong["role"] == "user"
    assert wrong["content"].startswith(f"This cannot be used: {complaint}. Answer again")
    assert json.loads(wrong["content"].partition("\n")[2]) == SCHEMA
    assert "raw" not in row["answer_evidence"]


@pytest.mark.parametrize(("text", "complaint"), WRONG, ids=[complaint for _, complaint in WRONG])
def test_a_second_misfit_fails_the_row(provider: OfflineProvider, text: str, complaint: str) -> None:
    """There is no third request; what the model wrote stands in the evidence, and nothing is coerced."""
    row = ask(provider, said("{}"), said(text), output_method="json_schema")

    assert row["answer"] is None
    assert row["tone"] is None
    assert pd.isna(row["score"])
    assert row["answer_error"] == MISFIT + complaint
    assert row["answer_evidence"]["raw"] == text[:2000]
    assert len(bodies(provider)) == 2


def test_the_reason_tells_a_few_misfits(provider: OfflineProvider) -> None:
    """Of many columns that are wrong some are named, and no value of the data is repeated."""
    names = {f"c{number}": "integer" for number in range(200)}
    text = json.dumps(dict.fromkeys(names, "secret words"))
    row = ask(provider, said(text), said(text), output=names)

    assert row["answer_error"] == MISFIT + "; ".join(f"c{n}: expected integer, not a text" for n in range(3))
    assert "secret" not in row["answer_error"]
    assert row["answer_evidence"]["raw"] == text[:2000]


@pytest.mark.parametrize("text", [
    "There is none.",
    f"Either {FITS} or {FITS.replace('warm', 'cold')}.",
    f"[{FITS}]",
    f"```\n[{FITS}, {FITS}]\n```",
    '{"tone": "warm", "score": 1, "of": {"tone": "cold", "score": 2},}',
    '{"of": {"tone": "cold", "score": 2}',
    "{'tone': 'it's', 'score': 1}",
    "[[{'tone': 'warm', 'score': 1}, ",
])  # fmt: skip
def test_prose_is_not_guessed_at(provider: OfflineProvider, text: str) -> None:
    """A part of a list or of an object is not taken for the answer, and neither is one of two."""
    row = ask(provider, said(text), said(text), output_method="prompt")
    assert (row["answer"], row["answer_error"][: len(MISFIT)]) == (None, MISFIT)


# What is not asked again


@pytest.mark.parametrize("finish", ["length", "max_tokens"])
def test_an_answer_that_is_cut_off_is_not_repaired(provider: OfflineProvider, finish: str) -> None:
    """Another try would be cut off as well; the reason says what to change."""
    row = ask(provider, said('{"tone": "wa', finish))
    assert (row["answer"], row["answer_error"]) == (None, CUT_OFF)
    assert row["answer_evidence"]["raw"] == '{"tone": "wa'
    assert len(bodies(provider)) == 1


def test_a_whole_answer_at_the_limit_is_one(provider: OfflineProvider) -> None:
    """The last token that was allowed may be the last one that was needed."""
    assert ask(provider, said(FITS, "length"))["tone"] == "warm"


def test_a_repair_may_be_cut_off(provider: OfflineProvider) -> None:
    """Then it says so, not that it does not fit."""
    assert ask(provider, said("{}"), said('{"tone"', "length"))["answer_error"] == CUT_OFF


@pytest.mark.parametrize(("reply", "reason"), [
    (said(None, refusal="I cannot help."), "the model refused"),
    (said("", "content_filter"), "the provider's content filter held the answer back"),
    (said('{"tone": "', "content_filter"), "the provider's content filter held the answer back"),
    (said(None, "length"), "max_tokens ran out before the model wrote any text; raise max_tokens"),
])  # fmt: skip
def test_refusals_have_their_own_reasons(
    provider: OfflineProvider, reply: dict[str, Any], reason: str
) -> None:
    """Nothing is to be repaired there."""
    row = ask(provider, reply)
    assert (row["answer"], row["answer_error"]) == (None, reason)
    assert len(bodies(provider)) == 1


def test_no_text_at_all_is_a_reason_where_the_method_is_known(provider: OfflineProvider) -> None:
    """Servers that do not know a method may send no text; the next method is tried, and the last one is not."""
    row = ask(provider, *[said(None)] * 3)
    assert (row["answer"], row["answer_error"]) == (None, "the model gave no text")
    assert len(bodies(provider)) == 3


def test_a_row_that_failed_for_its_tokens_is_the_only_one_sent_again(provider: OfflineProvider) -> None:
    """The limit has no part in what is kept, so a higher one asks for what was cut off, and no more."""
    provider.behaviour.faults = lambda request: Fault(
        status=200,
        body=said(FITS)
        if "long" not in str(request.body["messages"]) or request.body.get("max_tokens") == 500
        else said('{"tone', "length"),
    )
    rows = {"q": ["short", "long", "brief"]}
    first = predict(provider, rows, {"output": OUTPUT, "max_tokens": 5})
    assert first["answer_error"].tolist() == [None, CUT_OFF, None]

    again = predict(provider, rows, {"output": OUTPUT, "max_tokens": 500})
    assert again["tone"].tolist() == ["warm"] * 3
    assert len(bodies(provider)) == 4

    other_way = predict(
        provider, rows, {"output": OUTPUT, "max_completion_tokens": 9, "output_method": "prompt"}
    )
    assert other_way["tone"].tolist() == ["warm"] * 3
    assert len(bodies(provider)) == 4

    predict(provider, rows, {"output": "tone string, score float null"})
    assert len(bodies(provider)) == 7


# What it costs


def test_both_requests_are_paid(provider: OfflineProvider) -> None:
    """Tokens, attempts and cost of an answer that was repaired are those of both requests."""
    once = ask(provider, said(FITS))["answer_evidence"]
    twice = ask(provider, said("{}"), said(FITS))["answer_evidence"]

    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "attempts")
    assert [twice[name] for name in names] == [20, 8, 28, 4, 2]
    assert twice["cost"] == pytest.approx(2 * once["cost"])
    assert twice["model"] == "gpt-4o-mini"


def test_a_repair_that_fails_does_not_hide_what_was_paid(provider: OfflineProvider) -> None:
    """The provider's error is the row's reason; tokens and text of the first answer stand beside it."""
    row = ask(provider, said('{"tone": 1}'), refused("Too long.", 413))
    assert row["answer_error"] == "413: Too long."
    evidence = row["answer_evidence"]
    names = ("status", "model", "prompt_tokens", "attempts", "raw")
    assert [evidence[name] for name in names] == [413, "gpt-4o-mini", 10, 2, '{"tone": 1}']
    assert evidence["cost"] > 0


def test_a_repair_that_is_no_chat_does_not_hide_it_either(provider: OfflineProvider) -> None:
    """A reply of another shape is an error of the gateway, and not of the model."""
    row = ask(provider, said("{}"), {"choices": [{}]})
    assert row["answer_error"].startswith("the reply is not a chat completion")
    assert row["answer_evidence"]["completion_tokens"] == 4
