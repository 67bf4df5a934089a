"""Half the price for patience: service_tier = 'flex', from the options to the price of each answer.

The shapes are those of OpenAI's guide to flex processing: a request names `service_tier`, the answer says by
which tier it was served, and 429 "Resource Unavailable" is a refusal that is not charged.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.flex import UNAVAILABLE, refuse_flex
from support.predicting import bodies, predict

from portkey_handler import ask
from portkey_handler.errors import QueryError
from portkey_handler.execution import backoff, capacity
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options import resolve
from portkey_handler.usage.estimate import wording
from portkey_handler.usage.estimate.dry_run import dry_runs
from portkey_handler.usage.estimate.estimator import Estimate
from portkey_handler.usage.prices import cost

FLEX = {"model": "gpt-5-mini", "service_tier": "flex"}


def price_of(evidence: dict[str, Any], tier: str | None) -> float:
    """Give the list price of an answer by a tier."""
    found = cost("gpt-5-mini", None, evidence["prompt_tokens"], evidence["completion_tokens"], tier=tier)
    assert found
    return found


# Options


@pytest.mark.parametrize(
    "asked",
    [
        {"service_tier": "flex"},
        {"service_tier": "FLEX"},
        {"parameters": {"service_tier": "flex"}},
        {"mode": "request", "path": "/responses", "body": {"input": "{{q}}", "service_tier": "flex"}},
    ],
)
def test_an_attempt_may_take_a_quarter_of_an_hour(asked: dict[str, Any]) -> None:
    """Wherever the tier is named; DESCRIBE shows it as a default; what is given counts."""
    resolved = resolve(target="a", engine={}, model=asked, environment={})
    assert resolved.plan.execution.timeout == 900
    assert (resolved.origins["timeout"].value, resolved.origins["timeout"].level) == (900, None)
    for level in ({"model": {**asked, "timeout": 5}}, {"model": asked, "engine": {"timeout": 5}}):
        given = resolve(target="a", environment={}, **{"engine": {}, **level})
        assert given.plan.execution.timeout == 5


@pytest.mark.parametrize("tier", [None, "auto", "default", "priority"])
def test_other_tiers_have_the_usual_time(tier: str | None) -> None:
    """A minute."""
    using = {} if tier is None else {"service_tier": tier}
    assert resolve(target="a", engine={}, model=using, environment={}).plan.execution.timeout == 60


# Answers and their prices


def test_an_answer_by_flex_costs_half(provider: OfflineProvider) -> None:
    """The request names the tier, the answer says it, and the price is its."""
    row = predict(provider, {"q": ["How is it?"]}, FLEX).iloc[0]
    evidence = row["answer_evidence"]
    assert bodies(provider)[0]["service_tier"] == evidence["service_tier"] == "flex"
    assert evidence["cost"] == pytest.approx(price_of(evidence, "flex"))
    assert evidence["cost"] == pytest.approx(price_of(evidence, None) / 2)


def test_the_fallback_is_priced_by_the_tier_that_answered(provider: OfflineProvider) -> None:
    """With flex_fallback a refused request is sent at once by the ordinary tier, with the same prompt."""
    provider.behaviour.faults = refuse_flex
    row = predict(provider, {"q": ["How is it?"]}, {**FLEX, "flex_fallback": True}).iloc[0]
    evidence = row["answer_evidence"]
    first, second = bodies(provider)
    assert first.pop("service_tier") == "flex"
    assert second == first
    assert row["answer_error"] is None
    assert evidence.get("service_tier") is None
    assert evidence["attempts"] == 2
    assert evidence["cost"] == pytest.approx(price_of(evidence, None))


def test_what_the_provider_says_counts(provider: OfflineProvider) -> None:
    """It may serve by another tier than it was asked for."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000}
    body = {"model": "gpt-5-mini", "choices": [{"message": {"content": "Hi"}}], "usage": usage}
    provider.behaviour.faults = [Fault(status=200, body={**body, "service_tier": "default"})]
    evidence = predict(provider, {"q": ["a"]}, FLEX).iloc[0]["answer_evidence"]
    assert evidence["cost"] == pytest.approx(price_of(usage, None))


def test_without_the_fallback_flex_is_asked_again(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than max_attempts, and by flex alone."""
    monkeypatch.setattr(backoff, "_FIRST_BACKOFF", 0.0)
    provider.behaviour.faults = [Fault(status=429, body=UNAVAILABLE) for _ in range(9)]
    row = predict(provider, {"q": ["How is it?"]}, {**FLEX, "max_attempts": 2}).iloc[0]
    assert row["answer_error"] is None
    assert row["answer_evidence"]["attempts"] == 10
    assert {body["service_tier"] for body in bodies(provider)} == {"flex"}


def test_the_reason_names_the_remedy(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there was no answer for too long, the query ends."""
    monkeypatch.setattr("portkey_handler.query_run.FLEX_PATIENCE", 1e-9)
    provider.behaviour.faults = refuse_flex
    with pytest.raises(QueryError) as caught:
        ask(pd.DataFrame({"q": ["a", "b"]}), column="q", engine={"base_url": provider.base_url}, **FLEX)
    message = str(caught.value)
    assert "Resource unavailable. Please try again later.; flex_fallback = true asks without" in message
    assert caught.value.stopped_by == "CapacityError"


def test_a_limit_of_requests_is_no_want_of_resources(provider: OfflineProvider) -> None:
    """It is refused in the same way by the ordinary tier, and costs an attempt."""
    limit = {"error": {"message": "Rate limit reached for gpt-5-mini", "code": "rate_limit_exceeded"}}
    provider.behaviour.faults = [Fault(status=429, body=limit, headers={"retry-after": "0"})]
    row = predict(provider, {"q": ["a"]}, {**FLEX, "flex_fallback": True, "max_attempts": 2}).iloc[0]
    assert row["answer_error"] is None
    assert [body["service_tier"] for body in bodies(provider)] == ["flex", "flex"]


def test_an_answer_of_one_tier_is_not_paid_again_by_another(provider: OfflineProvider) -> None:
    """The tier decides what an answer costs, and not what it is."""
    rows = {"q": ["How is it?"]}
    ordinary = predict(provider, rows, {"model": "gpt-5-mini"}).iloc[0]
    by_flex = predict(provider, rows, FLEX).iloc[0]
    typed = [
        predict(provider, rows, {"output": "mood string", **using})
        for using in (FLEX, {"model": "gpt-5-mini"})
    ]
    assert ordinary["answer"] == by_flex["answer"]
    assert typed[0]["mood"][0] == typed[1]["mood"][0]
    assert len(provider.requests) == 2


# The estimate


def estimate_of(provider: OfflineProvider, **using: Any) -> Estimate:
    """Give the estimate of a dry run."""
    heard: list[Estimate] = []
    with dry_runs(heard.append):
        ask(
            pd.DataFrame({"q": [f"question {row}" for row in range(1000)]}),
            column="q",
            engine={"base_url": provider.base_url, "provider": "openai"},
            **using,
        )
    assert not provider.requests
    return heard[0]


def test_the_estimate_shows_both_prices(provider: OfflineProvider) -> None:
    """That of the tier, which limits of the cost go by, and the ordinary one."""
    flex, usual = estimate_of(provider, **FLEX), estimate_of(provider, model="gpt-5-mini")
    assert flex.cost is not None
    assert usual.cost == pytest.approx(2 * flex.cost)
    assert flex.ordinary_cost == usual.cost
    assert wording.price(flex) == "about $0.10, at most $0.10 (about $0.20 without service_tier = 'flex')"
    assert wording.price(usual) == "about $0.20, at most $0.20"


def test_a_price_that_is_not_known_by_flex_is_known_without(provider: OfflineProvider) -> None:
    """The list has no price by flex for a model that is not offered by it."""
    estimate = estimate_of(provider, model="gpt-4o-mini", service_tier="flex")
    assert wording.price(estimate) == (
        "not known, because the price of 'gpt-4o-mini' by service_tier = 'flex' is not "
        "(about $0.062 without service_tier = 'flex')"
    )


def test_a_given_price_stands_alone(provider: OfflineProvider) -> None:
    """It is what is paid, whatever the tier."""
    estimate = estimate_of(provider, **FLEX, price='{"input": 1, "output": 1}')
    assert estimate.ordinary_cost is None
    assert "without service_tier" not in wording.price(estimate)


def test_patience_is_told(provider: OfflineProvider, caplog: pytest.LogCaptureFixture) -> None:
    """A line says why nothing comes."""
    assert capacity.NO_PATIENCE.patience == 0
    provider.behaviour.faults = [Fault(status=429, body=UNAVAILABLE)]
    with caplog.at_level("INFO"):
        predict(provider, {"q": ["How is it?"]}, FLEX)
    assert "Resource unavailable" in caplog.text
    assert "requests are sent again for up to 15 min" in caplog.text
