"""Prices: the spellings of models, service tiers, prices that are given."""

from __future__ import annotations

from typing import Any

import orjson
import pandas as pd
import pytest
from support.predicting import answered, bodies, predict

from portkey_handler.errors import OptionError
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options import resolve
from portkey_handler.predictor import ask
from portkey_handler.records import Evidence
from portkey_handler.usage import prices
from portkey_handler.usage.prices import Rates, Tokens, cost, cost_of, given_rates


def of(model: str, provider: str | None = None, **more: Any) -> float | None:
    """Return the price of a million prompt tokens and a million answer tokens, in short requests."""
    price = cost(model, provider, 1000, 1000, **more)
    return None if price is None else round(price * 1000, 6)


@pytest.mark.parametrize(
    ("model", "provider", "same_as"),
    [
        ("@openai-prod/gpt-4o-mini", None, "gpt-4o-mini"),
        ("@openai-prod/gpt-4o-mini", "@openai-prod", "gpt-4o-mini"),
        ("gpt-4o-mini", "@openai-prod", "gpt-4o-mini"),
        ("openai/gpt-4o-mini", None, "gpt-4o-mini"),
        ("openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("azure/gpt-4o-mini-2024-07-18", None, "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", None, "gpt-4o-mini"),
        ("gpt-4o-mini", "azure-openai", "gpt-4o-mini"),
        ("@bedrock/us.anthropic.claude-3-haiku-20240307-v1:0", None, "claude-3-haiku-20240307"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "bedrock", "claude-3-haiku-20240307"),
        ("apac.anthropic.claude-3-haiku-20240307-v1:0", None, "claude-3-haiku-20240307"),
        ("claude-3-haiku@20240307", "vertex-ai", "claude-3-haiku-20240307"),
        ("anthropic/claude-3-haiku-20240307", None, "claude-3-haiku-20240307"),
        ("models/gemini-2.0-flash", "google", "gemini-2.0-flash"),
        ("models/gemini-2.0-flash", None, "gemini-2.0-flash"),
        ("publishers/google/models/gemini-2.0-flash", "vertex-ai", "gemini-2.0-flash"),
        ("GPT-4o-mini", None, "gpt-4o-mini"),
    ],
)
def test_a_model_is_found_under_the_names_that_gateways_use(
    model: str, provider: str | None, same_as: str
) -> None:
    """Slugs, providers, regions, paths and dates stand around the name that the list has."""
    assert of(same_as) is not None
    assert of(model, provider) == of(same_as)


def test_a_fine_tuned_model_has_its_own_price() -> None:
    """That of its base, which is half of it, would be wrong."""
    tuned = of("ft:gpt-4o-mini-2024-07-18:acme::abc")
    assert tuned == of("ft:gpt-4o-mini-2024-07-18:acme::abc", "openai")
    assert tuned == 2 * (of("gpt-4o-mini") or 0)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-mini", "ollama"),
        ("openai/gpt-4o-mini", "ollama"),
        ("my-model", None),
        ("my-model", "openai"),
        ("@slug/my-model", None),
        ("@slug/", None),
        ("/", None),
        ("ft:my-model", None),
        ("", None),
    ],
)
def test_an_unknown_price_is_not_guessed(model: str, provider: str | None) -> None:
    """A model of one's own server costs what nobody knows."""
    assert of(model, provider) is None


@pytest.mark.parametrize(
    ("tier", "factor"), [(None, 1.0), ("default", 1.0), ("flex", 0.5), ("priority", 1.8)]
)
def test_a_service_tier_has_its_own_price(tier: str | None, factor: float) -> None:
    """Flex was priced twice too high."""
    standard = of("gpt-5-mini", "openai") or 0
    assert of("gpt-5-mini", "openai", tier=tier) == pytest.approx(factor * standard)
    evidence = Evidence(
        model="gpt-5-mini", provider="openai", prompt_tokens=1000, completion_tokens=1000, service_tier=tier
    )
    assert (cost_of(evidence) or 0) * 1000 == pytest.approx(factor * standard)


def test_a_tier_whose_price_the_list_lacks_has_none() -> None:
    """The usual price would be wrong; where a provider has one price for all, it is right."""
    assert of("gpt-3.5-turbo", "openai", tier="flex") is None
    # Azure shares OpenAI's models in the list, but not their prices by tier.
    assert of("gpt-5-mini", "azure-openai", tier="flex") is None
    assert of("gpt-5-mini", "azure-openai") == of("gpt-5-mini", "openai")
    assert of("llama-3.3-70b-versatile", "groq", tier="flex") == of("llama-3.3-70b-versatile", "groq")


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4o-mini", "openai"), ("claude-3-haiku-20240307", "anthropic"), ("gpt-4o-mini", None)],
)
def test_a_batch_costs_half_also_where_the_list_does_not_say(model: str, provider: str | None) -> None:
    """The list has a price of batches for some models; for others it is half of the ordinary one."""
    ordinary = of(model, provider)
    assert ordinary is not None
    assert of(model, provider, tier=prices.BATCH) == pytest.approx(ordinary / 2)
    assert of("nobody-knows-it", None, tier=prices.BATCH) is None
    assert cost(
        None, None, 1000, 1000, tier=prices.BATCH, given=Rates(1e-6, 3e-6, 1e-6, 1e-6)
    ) == pytest.approx(0.002)


def test_a_row_costs_what_its_batch_answered_and_what_was_sent_besides() -> None:
    """Of 1,000 prompt tokens and 500 of answers a batch had a part; a repair had the rest."""
    given = Rates(2e-6, 4e-6, 2e-6, 2e-6)
    evidence = Evidence(prompt_tokens=1000, completion_tokens=500)
    in_batch = {"id": "batch_1", "prompt_tokens": 400, "completion_tokens": 100}
    assert cost_of(evidence, given) == pytest.approx(0.004)
    assert cost_of(evidence._replace(batch=in_batch), given) == pytest.approx(0.0006 + 0.0028)
    whole = {"id": "batch_1", "prompt_tokens": 1000, "completion_tokens": 500}
    assert cost_of(evidence._replace(batch=whole), given) == pytest.approx(0.002)


@pytest.mark.parametrize(
    "reply", [{"service_tier": "flex"}, {"service_tier": "FLEX"}, {"usage": {"service_tier": "flex"}}]
)
def test_the_tier_of_a_reply_counts(provider: OfflineProvider, reply: dict[str, Any]) -> None:
    """What was served is paid, whatever was asked for."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, **reply.pop("usage", {})}
    body = {"model": "gpt-5-mini", "choices": [{"message": {"content": "Hi"}}], "usage": usage, **reply}
    provider.behaviour.faults = [Fault(status=200, body=body)]
    row = predict(provider, {"q": ["a"]}, {"model": "gpt-5-mini"}).iloc[0]
    assert row["answer_evidence"]["service_tier"] == "flex"
    assert row["answer_evidence"]["cost"] * 1000 == pytest.approx((of("gpt-5-mini") or 0) / 2)


def test_an_estimate_knows_the_tier(provider: OfflineProvider) -> None:
    """A dry run prices what will be asked for."""
    estimates = []
    for tier in ({}, {"service_tier": "flex"}, {"service_tier": "auto"}):
        handler_rows = pd.DataFrame({"q": ["a question"]})
        estimates.append(estimated(provider, handler_rows, model="gpt-5-mini", **tier))
    assert estimates[1] == pytest.approx(estimates[0] / 2)
    assert estimates[2] == estimates[0]


def estimated(provider: OfflineProvider, frame: pd.DataFrame, **using: Any) -> float:
    """Return the dollars of a dry run."""
    from portkey_handler.usage.estimate.dry_run import dry_runs

    heard: list[Any] = []
    with dry_runs(heard.append):
        ask(frame, column="q", engine={"base_url": provider.base_url}, **using)
    return float(heard[0].cost)


# The provider's prompt cache


@pytest.mark.parametrize(("read", "written"), [(0, 0), (9000, 0), (0, 9000), (5000, 4000)])
def test_what_a_prompt_cache_reads_and_writes_has_its_price(read: int, written: int) -> None:
    """Anthropic's list: $1 a million tokens of a prompt, a tenth for those read, a quarter more for written."""
    evidence = Evidence(
        model="claude-haiku-4-5",
        provider="anthropic",
        prompt_tokens=10_000,
        completion_tokens=100,
        cached_tokens=read,
        cache_write_tokens=written,
    )
    beside = 10_000 - read - written
    dollars = (beside * 1.0 + read * 0.1 + written * 1.25 + 100 * 5.0) / 1e6
    assert cost_of(evidence) == pytest.approx(dollars)


def test_more_than_the_prompt_is_not_read_or_written() -> None:
    """A provider that counts in another way gives no negative price."""
    rates = Rates(1.0, 0.0, 0.1, 1.25)
    assert rates.price(Tokens(10, 0, 8, 8)) == pytest.approx(8 * 0.1 + 2 * 1.25)
    assert rates.price(Tokens(10, 0, 80, 0)) == pytest.approx(1.0)


def test_the_write_of_a_reply_counts(provider: OfflineProvider) -> None:
    """In Anthropic's words, behind the gateway too; its counts stand beside the prompt."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 4015,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 4000,
    }
    body = {"model": "claude-haiku-4-5", "choices": [{"message": {"content": "Hi"}}], "usage": usage}
    provider.behaviour.faults = [Fault(status=200, body=body)]
    evidence = predict(provider, {"q": ["a"]}, {"model": "claude-haiku-4-5"}).iloc[0]["answer_evidence"]
    assert (evidence["prompt_tokens"], evidence["cache_write_tokens"]) == (4010, 4000)
    assert evidence["cost"] == pytest.approx((10 * 1.0 + 4000 * 1.25 + 5 * 5.0) / 1e6)


# A price that is given

PRICE = '{"input": 0.15, "output": 0.6}'


def test_a_given_price_is_in_dollars_of_a_million_tokens() -> None:
    """What is read from a prompt cache, or written there, costs what the input does, unless it is said."""
    plan = resolve(target="a", engine={}, model={"price": PRICE}, environment={}).plan
    assert given_rates(plan, is_free=False) == pytest.approx((0.15e-6, 0.6e-6, 0.15e-6, 0.15e-6, 0))
    priced = {"input": 1, "cached_input": 0.5, "cache_write": 1.25}
    plan = resolve(target="a", engine={}, model={"price": priced}, environment={}).plan
    assert given_rates(plan, is_free=False) == pytest.approx((1e-6, 0.0, 0.5e-6, 1.25e-6, 0))
    assert cost(
        "nobody's", "ollama", 1000, 1000, 500, given=Rates(1e-6, 2e-6, 0.5e-6, 1e-6)
    ) == pytest.approx(500e-6 + 250e-6 + 2000e-6)


def test_a_query_goes_by_the_price_that_is_given(provider: OfflineProvider) -> None:
    """On the engine or the model; the nearer one holds; the list is asked where there is none."""
    body = {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"content": "Hi"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 1000},
    }
    provider.behaviour.faults = lambda _: Fault(status=200, body=body)
    costs = [
        predict(provider, {"q": ["a"]}, {"model": "m", "reuse": "never", **using}, engine=engine).iloc[0][
            "answer_evidence"
        ]["cost"]
        for using, engine in [
            ({}, {}),
            ({}, {"price": '{"input": 1, "output": 2}'}),
            ({"price": '{"input": 3, "output": 4}'}, {"price": '{"input": 1, "output": 2}'}),
        ]
    ]
    assert costs == pytest.approx([0.00075, 0.003, 0.007])


def test_max_cost_holds_for_a_model_that_only_a_price_knows(provider: OfflineProvider) -> None:
    """The message that refuses it says how to give the price."""
    using = {"model": "our-llama", "max_cost": 0.01}
    handler_rows = pd.DataFrame({"q": ["a", "b"]})
    with pytest.raises(Exception, match=r"; say price = '\{\"input\": …, \"output\": …\}' in dollars a"):
        ask(handler_rows, column="q", engine={"base_url": provider.base_url}, **using)
    assert provider.requests == []
    answers = ask(handler_rows, column="q", engine={"base_url": provider.base_url}, price=PRICE, **using)
    assert answers["answer"].notna().all()


@pytest.mark.parametrize(
    "price",
    ["0.15", '{"input": "cheap"}', '{"output": 1}', '{"input": -1}', '{"input": 1, "outputs": 2}', "{}", "[1]",
     '{"input": true}'],
)  # fmt: skip
def test_what_is_no_price_is_refused(price: str) -> None:
    """Nothing is guessed of it."""
    with pytest.raises(OptionError, match=r"^price"):
        resolve(target="a", engine={}, model={"price": price}, environment={})


# A model per row


def test_a_model_per_row(provider: OfflineProvider) -> None:
    """`model = '{{ llm }}'`: each row goes to its own, and a row that has none fails."""
    cells = {"q": ["a", "b", "a", "c", "d"], "llm": ["gpt-4o", "gpt-4o-mini", "gpt-4o-mini", None, " "]}
    rows = predict(provider, cells, {"model": "{{ llm }}"})
    assert [(body["model"], body["messages"][0]["content"]) for body in bodies(provider)] == [
        ("gpt-4o", "a"),
        ("gpt-4o-mini", "b"),
        ("gpt-4o-mini", "a"),
    ]
    assert rows["answer_error"].tolist() == [None] * 3 + ["model: llm is NULL or blank"] * 2
    again = predict(provider, cells, {"model": "{{ llm }}"})
    assert len(provider.requests) == 3
    assert again["answer"].tolist() == rows["answer"].tolist()


@pytest.mark.parametrize(
    "using",
    [
        {"mode": "completion"},
        {"mode": "embedding"},
        {"output": "tone string", "output_method": "prompt"},
        {"prompt_template": "{{ q }}"},
        {"deduplicate": False},
        {"mode": "prompt", "prompt_id": "pp-x", "variables": '["q"]'},
    ],
    ids=str,
)
def test_a_model_per_row_in_every_mode(provider: OfflineProvider, using: dict[str, Any]) -> None:
    """Also where several texts would be one request."""
    predict(provider, {"q": ["a", "b"], "llm": ["one", "two"]}, {"model": "{{ llm }}", **using})
    assert {body["model"] for body in bodies(provider)} == {"one", "two"}


def test_a_model_per_row_names_its_column(provider: OfflineProvider) -> None:
    """A missing column is an error before anything is sent."""
    with pytest.raises(Exception, match=r"^model: there is no column 'lm', did you mean 'llm'\?"):
        predict(provider, {"q": ["a"], "llm": ["x"]}, {"model": "{{ lm }}", "column": "q"})
    assert provider.requests == []


def test_an_estimate_prices_each_model_by_itself(provider: OfflineProvider) -> None:
    """The first row's price was that of all rows."""
    frame = pd.DataFrame(
        {"q": [f"question {row}" for row in range(10)], "llm": ["gpt-4o"] + ["gpt-4o-mini"] * 9}
    )
    mixed = estimated(provider, frame, model="{{ llm }}")
    dear = estimated(provider, frame.head(1), model="gpt-4o")
    cheap = estimated(provider, frame.tail(9), model="gpt-4o-mini")
    assert mixed == pytest.approx(dear + cheap, rel=0.05)


def test_a_model_of_mode_request_stands_in_the_body() -> None:
    """There templates are part of the body."""
    with pytest.raises(OptionError, match=r"^model is a template; in mode request write it into body"):
        resolve(
            target="a",
            engine={},
            model={"mode": "request", "path": "/rerank", "body": {"q": "{{ q }}"}, "model": "{{ llm }}"},
            environment={},
        )


def test_the_list_is_asked_once_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million rows cost one look."""
    looks: list[str] = []
    inner = prices._calculator()

    def counting(model: str, *rest: Any) -> float:
        looks.append(model)
        return inner(model, *rest)

    prices._rates.cache_clear()
    monkeypatch.setattr(prices, "_calculator", lambda: counting)
    for _ in range(100):
        assert cost("gpt-4o-mini", "openai", 10, 10) is not None
    assert len(looks) == 5


def test_foreign_names_of_models_are_no_failure(provider: OfflineProvider) -> None:
    """A reply may name any model, or none."""
    for name in (None, 5, "", "\u0000", "x" * 10_000, ["a"], "@/", "models/"):
        body = {"model": name, "choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": 1}}
        provider.behaviour.faults = [Fault(status=200, body=orjson.dumps(body))]
        assert answered(provider) == ("Hi", None)


def test_a_fee_for_each_request_is_paid_once() -> None:
    """Perplexity takes one beside the tokens."""
    short, long = cost("sonar", "perplexity-ai", 10, 5), cost("sonar", "perplexity-ai", 5000, 500)
    assert short == pytest.approx(0.012015)
    assert long == pytest.approx(0.0175)
    evidence = Evidence(model="sonar", provider="perplexity-ai", prompt_tokens=10, completion_tokens=5)
    assert cost_of(evidence) == pytest.approx(short)


def test_models_at_their_providers_own_addresses() -> None:
    """No gateway names the provider then."""
    assert cost("text-embedding-3-small", None, 1_000_000, 0) == pytest.approx(0.02)
    assert cost("deepseek/deepseek-r1:free", None, 1000, 1000) == 0
    for local in ("deepseek-r1:8b", "qwen3:0.6b", "llama3:latest", "mistral:7b-instruct-q4_0"):
        assert cost(local, None, 1000, 1000) is None
    assert cost("us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, 1000, 0) is not None
