"""Flex through the real gateway: the tier, the refusal and the fallback go through it unchanged."""

from __future__ import annotations

from typing import Any

from support.flex import refuse_flex
from support.gateway import Gateway
from support.predicting import bodies, predict

from portkey_handler.gateway.offline import OfflineProvider


def asked(gateway: Gateway, provider: OfflineProvider, **using: Any) -> tuple[str | None, dict[str, Any]]:
    """Ask one row by flex; return why there is no answer, and the evidence."""
    engine = {
        "base_url": gateway.base_url,
        "custom_host": provider.base_url,
        "provider": "openai",
        "provider_api_key": "canary-key",
    }
    using = {"model": "gpt-5-mini", "service_tier": "flex", **using}
    row = predict(provider, {"q": ["How is it?"]}, using, engine=engine).iloc[0]
    return row["answer_error"], row["answer_evidence"]


def test_the_tier_goes_there_and_comes_back(gateway: Gateway, provider: OfflineProvider) -> None:
    """And the answer has the price of it."""
    _, by_flex = asked(gateway, provider)
    _, ordinary = asked(gateway, provider, service_tier="default", reuse="never")
    assert [body["service_tier"] for body in bodies(provider)] == ["flex", "default"]
    assert (by_flex["service_tier"], ordinary["service_tier"]) == ("flex", "default")
    assert by_flex["cost"] == ordinary["cost"] / 2


def test_a_refusal_is_known_behind_the_gateway(gateway: Gateway, provider: OfflineProvider) -> None:
    """It keeps its code and its words, so that the fallback is sent, for the ordinary price."""
    provider.behaviour.faults = refuse_flex
    reason, evidence = asked(gateway, provider, flex_fallback=True)
    assert reason is None
    assert [body.get("service_tier") for body in bodies(provider)] == ["flex", None]
    _, ordinary = asked(gateway, provider, service_tier="default", reuse="never")
    assert (evidence["attempts"], evidence["cost"]) == (2, ordinary["cost"])
