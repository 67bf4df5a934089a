"""What all rows share is marked for the provider's prompt cache, where the model needs a mark and it is long."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.predicting import bodies, predict

from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.operations.prompt_cache import fewest_tokens

MARK = {"type": "ephemeral"}
CLAUDE = {"model": "claude-sonnet-4-5", "prompt_cache": "auto"}
#: A little more than 1,024 tokens, as they are estimated.
LONG = "You judge reviews with care. " * 150
ROWS = {"q": [f"review {row}" for row in range(40)]}


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5", 512),
        ("claude-fable-5", 512),
        ("claude-opus-4-8", 1024),
        ("claude-opus-4-7", 4096),
        ("claude-opus-4-6", 4096),
        ("claude-opus-4-5-20251101", 4096),
        ("claude-opus-4-1", 1024),
        ("claude-opus-4-20250514", 1024),
        ("claude-sonnet-4-6", 2048),
        ("claude-sonnet-4-5-20250929", 1024),
        ("anthropic/claude-sonnet-4.5", 1024),
        ("claude-3-7-sonnet-20250219", 1024),
        ("claude-haiku-4-5", 4096),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 4096),
        ("claude-3-5-haiku@20241022", 2048),
        ("claude-3-haiku-20240307", 2048),
        ("@bedrock/anthropic.claude-sonnet-4-20250514-v1:0", 1024),
        ("claude-2.1", None),
        ("claude-instant-1.2", None),
        ("anthropic.claude-v2:1", None),
        ("gpt-5-mini", None),
        ("", None),
    ],
)
def test_each_model_has_its_shortest_beginning(model: str, tokens: int | None) -> None:
    """As its provider documents it; other models cache by themselves."""
    assert fewest_tokens(model) == tokens


def first_messages(provider: OfflineProvider, rows: Any = None, **using: Any) -> list[dict[str, Any]]:
    """Ask some rows; return the messages of the first request."""
    row = predict(provider, rows or {"q": ["a review"], "kind": ["book"]}, {**CLAUDE, **using}).iloc[0]
    assert row["answer_error"] is None
    messages: list[dict[str, Any]] = bodies(provider)[0]["messages"]
    return messages


def test_a_system_prompt_is_marked(provider: OfflineProvider) -> None:
    """Its text becomes a part with the mark; the row's own text stays as it is."""
    assert first_messages(provider, system_prompt=LONG, column="q") == [
        {"role": "system", "content": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        {"role": "user", "content": "a review"},
    ]


def test_the_beginning_of_a_template_is_marked(provider: OfflineProvider) -> None:
    """Up to its first column; what was one text is two parts of it."""
    template = LONG + "\n\n{{ q }} ({{ kind }})"
    assert first_messages(provider, system_prompt="Be brief.", prompt_template=template) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": LONG + "\n\n", "cache_control": MARK},
                {"type": "text", "text": "a review (book)"},
            ],
        },
    ]


def test_the_beginning_of_a_system_prompt_is_marked(provider: OfflineProvider) -> None:
    """Where the rest of it is another one for each row."""
    system, _ = first_messages(provider, system_prompt=LONG + "{{ kind }}", column="q")
    assert system["content"] == [
        {"type": "text", "text": LONG, "cache_control": MARK},
        {"type": "text", "text": "book"},
    ]


def test_examples_are_marked_at_their_end(provider: OfflineProvider) -> None:
    """One mark is enough: all before it is cached."""
    examples = [
        {"role": "system", "content": LONG},
        {"role": "user", "content": "It broke."},
        {"role": "assistant", "content": [{"type": "text", "text": "bad"}]},
    ]
    asked = [*examples, {"role": "user", "content": "{{ q }}"}]
    assert first_messages(provider, messages=asked) == [
        *examples[:2],
        {"role": "assistant", "content": [{"type": "text", "text": "bad", "cache_control": MARK}]},
        {"role": "user", "content": "a review"},
    ]


def test_an_image_behind_the_text_stays_behind_it(provider: OfflineProvider) -> None:
    """The text is split, and the image is a part of its own."""
    image = "data:image/png;base64,iVBORw0KGgo="
    rows = {"q": ["a review"], "picture": [image]}
    (message,) = first_messages(provider, rows, prompt_template=LONG + "{{ q }}", image_column="picture")
    assert [part["type"] for part in message["content"]] == ["text", "text", "image_url"]
    assert message["content"][0] == {"type": "text", "text": LONG, "cache_control": MARK}


@pytest.mark.parametrize("method", ["tool", "prompt"])
def test_typed_columns_are_marked(provider: OfflineProvider, method: str) -> None:
    """Also the instruction that stands in the system message; a repair has the same beginning."""
    using = {"output": "mood string", "output_method": method, "column": "q"}
    replies = iter(["no JSON", '{"mood": "good"}'])
    provider.behaviour.answer = lambda _body: next(replies)
    messages = first_messages(provider, system_prompt=LONG, **using)
    assert messages[0]["content"][0]["text"].startswith(LONG)
    assert messages[0]["content"][0]["cache_control"] == MARK
    assert ("JSON Schema" in messages[0]["content"][0]["text"]) == (method == "prompt")
    assert bodies(provider)[1]["messages"][: len(messages)] == messages


def test_an_instruction_in_front_moves_the_mark(provider: OfflineProvider) -> None:
    """The rows have no system message, and the instruction makes one."""
    provider.behaviour.answer = lambda _body: '{"mood": "good"}'
    using = {"output": "mood string", "output_method": "prompt", "prompt_template": LONG + "{{ q }}"}
    system, user = first_messages(provider, **using)
    assert "cache_control" not in str(system)
    assert user["content"][0] == {"type": "text", "text": LONG, "cache_control": MARK}


@pytest.mark.parametrize(
    "using",
    [
        {"prompt_cache": "off"},
        {"model": "gpt-5-mini"},
        {"model": "claude-2.1"},
        {"model": "{{ llm }}"},
        {"system_prompt": "Short."},
        {"system_prompt": LONG[:4000]},
        {"model": "claude-haiku-4-5"},
        {"system_prompt": "{{ kind }}: " + LONG},
    ],
)
def test_nothing_is_marked_otherwise(provider: OfflineProvider, using: dict[str, Any]) -> None:
    """Turned off, another model, too short for the model, or not the same for all rows: the request is as ever."""
    rows = {"q": ["a review"], "kind": ["book"], "llm": ["claude-sonnet-4-5"]}
    asked = {"system_prompt": LONG, "column": "q", **using}
    messages = first_messages(provider, rows, **asked)
    assert all(isinstance(message["content"], str) for message in messages)


def test_the_same_is_written_once_and_read_by_all_others(provider: OfflineProvider) -> None:
    """The first request is sent alone, so that no other one writes the cache again, for a quarter more."""
    provider.behaviour.prompt_cache = set()
    provider.behaviour.latency = 0.02
    answers = predict(provider, ROWS, {**CLAUDE, "system_prompt": LONG, "column": "q", "concurrency": 8})
    found = pd.DataFrame(list(answers["answer_evidence"]))
    words = len(LONG.split())
    assert found["cache_write_tokens"].sum() == words
    assert found["cached_tokens"].sum() == 39 * words
    assert provider.peak == 8
    # Claude Sonnet: $3 a million tokens, a tenth for those read, a quarter more for those written; $15 for answers.
    beside = found["prompt_tokens"].sum() - 40 * words
    dollars = 3 * (beside + 1.25 * words + 0.1 * 39 * words) + 15 * found["completion_tokens"].sum()
    assert found["cost"].sum() == pytest.approx(dollars / 1e6)


def test_without_it_all_pay_the_whole_prompt(provider: OfflineProvider) -> None:
    """The answers are the same, and an answer that was paid with it is not paid again without."""
    provider.behaviour.prompt_cache = set()
    with_it = predict(provider, ROWS, {**CLAUDE, "system_prompt": LONG, "column": "q"})
    template = {"prompt_template": LONG + "{{ q }}"}
    split = predict(provider, ROWS, {**CLAUDE, **template})
    asked = len(provider.requests)
    without = predict(provider, ROWS, {**CLAUDE, "system_prompt": LONG, "column": "q", "prompt_cache": "off"})
    whole = predict(provider, ROWS, {**CLAUDE, **template, "prompt_cache": "off"})
    assert len(provider.requests) == asked
    fresh = predict(provider, ROWS, {**CLAUDE, **template, "prompt_cache": "off", "reuse": "never"})
    assert with_it["answer"].tolist() == without["answer"].tolist()
    assert split["answer"].tolist() == whole["answer"].tolist() == fresh["answer"].tolist()


def test_the_flight_begins_when_the_first_is_answered(provider: OfflineProvider) -> None:
    """A first row that fails by itself does not let the others go; they go after the first answer."""
    provider.behaviour.prompt_cache = set()
    provider.behaviour.faults = [Fault(status=400), Fault(status=400)]
    answers = predict(provider, ROWS, {**CLAUDE, "system_prompt": LONG, "column": "q", "concurrency": 8})
    assert answers["answer_error"].notna().sum() == 2
    found = pd.DataFrame([one for one in answers["answer_evidence"] if "cached_tokens" in one])
    assert found["cache_write_tokens"].notna().sum() == 1


# Rows that share a system prompt with some others

POLICIES = [f"Policy {number}. " * 500 for number in range(5)]
#: Twelve questions on each of five policies, mixed.
MIXED = pd.DataFrame(
    {"policy": [POLICIES[row % 5] for row in range(60)], "q": [f"question {row}" for row in range(60)]}
)
BY_POLICY = {**CLAUDE, "system_prompt": "{{ policy }}", "column": "q"}


def test_each_system_prompt_is_written_once(provider: OfflineProvider) -> None:
    """The first row of each goes ahead, and the others of it wait for the answer; the result has their order."""
    provider.behaviour.prompt_cache = set()
    provider.behaviour.latency = 0.02
    answers = predict(provider, MIXED, {**BY_POLICY, "concurrency": 8})
    assert answers["answer_error"].isna().all()
    assert [text.rpartition("| ")[2] for text in answers["answer"]] == MIXED["q"].tolist()
    words = sum(len(policy.split()) for policy in POLICIES)
    found = pd.DataFrame(list(answers["answer_evidence"]))
    assert found["cache_write_tokens"].sum() == words
    assert found["cached_tokens"].sum() == 11 * words
    assert provider.peak >= 5


def test_rows_that_share_it_are_asked_after_each_other(provider: OfflineProvider) -> None:
    """So that it is still in the cache, however many rows there are."""
    provider.behaviour.prompt_cache = set()
    predict(provider, MIXED, {**BY_POLICY, "concurrency": 1})
    asked = [body["messages"][0]["content"][0]["text"] for body in bodies(provider)]
    assert asked == sorted(asked, key=POLICIES.index)
    assert all(body["messages"][0]["content"][0]["cache_control"] == MARK for body in bodies(provider))


def test_a_system_prompt_of_one_row_is_not_marked(provider: OfflineProvider) -> None:
    """Nor is one that is too short, and nobody waits for it: to write it would cost more, and nobody reads it."""
    rows = pd.DataFrame({"policy": [POLICIES[0], POLICIES[1], "Short.", "Short."], "q": ["a", "b", "c", "d"]})
    predict(provider, rows, {**BY_POLICY, "concurrency": 1})
    assert [body["messages"][0]["content"] for body in bodies(provider)] == rows["policy"].tolist()
    assert [body["messages"][1]["content"] for body in bodies(provider)] == ["a", "b", "c", "d"]


def test_a_row_that_fails_does_not_hold_up_the_others(provider: OfflineProvider) -> None:
    """Another one of the same system prompt goes ahead then."""
    provider.behaviour.prompt_cache = set()
    provider.behaviour.faults = [Fault(status=400)] * 7
    answers = predict(provider, MIXED, {**BY_POLICY, "concurrency": 4})
    assert answers["answer_error"].notna().sum() == 7
    words = sum(len(policy.split()) for policy in POLICIES)
    found = pd.DataFrame([one for one in answers["answer_evidence"] if "prompt_tokens" in one])
    assert found["cache_write_tokens"].sum() == words


def test_other_models_need_the_order_alone(provider: OfflineProvider) -> None:
    """What is sent is as ever, and in the order in which a cache without marks stays warm."""
    using = {**BY_POLICY, "model": "gpt-5-mini", "concurrency": 1}
    predict(provider, MIXED, using)
    asked = [body["messages"][0]["content"] for body in bodies(provider)]
    assert asked == sorted(MIXED["policy"], key=POLICIES.index)
    provider.requests.clear()
    predict(provider, MIXED, {**using, "prompt_cache": "off", "reuse": "never"})
    assert [body["messages"][0]["content"] for body in bodies(provider)] == MIXED["policy"].tolist()


@pytest.mark.parametrize(
    "using", [{"output": "mood string", "output_method": "tool"}, {"deduplicate": False}]
)
def test_it_goes_together_with_other_options(provider: OfflineProvider, using: dict[str, Any]) -> None:
    """With typed columns, and with equal rows that are all sent, which keep their own order."""
    provider.behaviour.prompt_cache = set()
    if "output" in using:
        provider.behaviour.answer = lambda _body: '{"mood": "good"}'
    rows = pd.concat([MIXED, MIXED], ignore_index=True)
    answers = predict(provider, rows, {**BY_POLICY, "concurrency": 4, **using})
    asked = 60 if "output" in using else 120
    assert (len(answers), len(provider.requests)) == (120, asked)
    words = sum(len(policy.split()) for policy in POLICIES)
    assert sum(1 for one in answers["answer_evidence"] if one.get("cache_write_tokens")) == (
        10 if asked == 60 else 5
    )
    assert len(provider.behaviour.prompt_cache or ()) == 5
    assert words
