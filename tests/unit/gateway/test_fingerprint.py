"""Whose answers may be used again."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.fingerprint import engine_fingerprint, limits_scope
from portkey_handler.options import EngineConfig, resolve

BASE: dict[str, Any] = {
    "base_url": "http://one/v1",
    "provider": "openai",
    "portkey_api_key": "pk-1",
    "provider_api_key": "sk-1",
    "config": {"targets": [{"provider": "openai", "api_key": "sk-2"}]},
    "headers": {"x-team": "a", "Authorization": "Bearer sk-3"},
}


def fingerprint(engine: str, options: dict[str, Any], routing: dict[str, Any]) -> str:
    """Return the fingerprint of an engine, with gateway options given below it."""
    plan = resolve(target="a", engine={}, model={"model": "m", **routing}, environment={}).plan
    return engine_fingerprint(engine, GatewayConfig.resolve(EngineConfig(options), plan))


def identity(engine: str = "e", routing: dict[str, Any] | None = None, **changed: Any) -> str:
    """Return the fingerprint of an engine that differs from the base."""
    return fingerprint(engine, {**BASE, **changed}, routing or {})


@pytest.mark.parametrize(
    "changed",
    [
        {"portkey_api_key": "pk-2"},
        {"provider_api_key": "sk-9"},
        {"config": {"targets": [{"provider": "openai", "api_key": "sk-new"}]}},
        {"headers": {"x-team": "a", "Authorization": "Bearer other"}},
        {"trace_id": "t"},
        {"metadata": {"_user": "u"}},
        {"request_timeout": 1000},
        {"routing": {"trace_id": "t", "metadata": {"a": "b"}, "cache_force_refresh": True}},
    ],
)
def test_a_changed_key_is_answered_from_the_journal(changed: dict[str, Any]) -> None:
    """Keys, ids and words for the logs do not decide what is answered."""
    assert identity(**changed) == identity()


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": "other"},
        {"base_url": "http://two/v1"},
        {"provider": "anthropic"},
        {"custom_host": "http://three"},
        {"config": {"targets": [{"provider": "mistral", "api_key": "sk-2"}]}},
        {"config": "pc-slug"},
        {"headers": {"x-team": "b"}},
        {"routing": {"virtual_key": "other"}},
        {"routing": {"config": "pc-slug"}},
    ],
)
def test_another_address_or_provider_is_not(changed: dict[str, Any]) -> None:
    """Whatever may answer differently is somebody else."""
    assert identity(**changed) != identity()


TARGETS = {
    "gpt": {"provider": "openai", "api_key": "sk-4"},
    "claude": {"provider": "anthropic", "api_key": "sk-5"},
}


def chosen(*names: str, targets: Any = TARGETS, **words: Any) -> str:
    """Return the fingerprint of an engine some of whose targets were chosen."""
    routing = {"targets": [{"name": name} for name in names], **words}
    return fingerprint("e", {"base_url": "http://one/v1", "targets": targets}, routing)


def test_which_targets_are_chosen_decides() -> None:
    """Another target may answer otherwise; another key of it, or the gateway's own retries, may not."""
    fallback = {"strategy": {"mode": "fallback"}}
    changed_key = {**TARGETS, "gpt": {"provider": "openai", "api_key": "sk-new"}}

    assert chosen("gpt") != chosen("claude") != chosen("gpt", "claude", **fallback)
    assert chosen("gpt") == chosen("gpt", targets=changed_key)
    assert chosen("gpt") == chosen("gpt", retry={"attempts": 3}, cache={"mode": "simple"})
    assert chosen("gpt") != chosen("gpt", input_guardrails=["pg-1"])


def test_limits_are_the_engines() -> None:
    """What is chosen below an engine shares its limits per minute."""
    options = {"base_url": "http://one/v1", "targets": TARGETS}

    assert limits_scope("e", EngineConfig(options)) == limits_scope(
        "e", EngineConfig({**options, "retry": {}})
    )
    assert limits_scope("e", EngineConfig(options)) != limits_scope("other", EngineConfig(options))


PINNED_TARGETS = {
    "gpt": {"provider": "openai", "api_key": "sk-1", "model": "gpt-4o"},
    "claude": {"provider": "anthropic", "api_key": "sk-2", "custom_host": "http://localhost:9"},
}

#: Engine, model and query; the fingerprint of the answer cache's file, and the scope of the limits.
#: Caches that earlier releases have written lie under these names.
PINNED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = {
    "local": ({}, {}, {}, "9b0656c5a127c12ea1a8c98da4857780", "9b0656c5a127c12ea1a8c98da4857780"),
    "hosted": (
        {"portkey_api_key": "pk-1", "virtual_key": "v"},
        {},
        {},
        "2b4ebe0bcbd33ea4ae5aa18d5451cdd3",
        "2b4ebe0bcbd33ea4ae5aa18d5451cdd3",
    ),
    "headers": (
        {
            "base_url": "http://x/v1/",
            "provider": "openai",
            "provider_api_key": "sk-1",
            "headers": {"x-team": "ä", "Authorization": "Bearer s"},
            "metadata": {"_user": "u"},
            "trace_id": "t",
            "request_timeout": 1000,
        },
        {"metadata": {"a": "b"}},
        {"trace_id": None},
        "98736798aef36fd5aae4c9cbbebceb67",
        "98736798aef36fd5aae4c9cbbebceb67",
    ),
    "config": (
        {
            "config": {
                "strategy": {"mode": "conditional"},
                "targets": [{"provider": "openai", "api_key": "sk"}],
                "retry": {"attempts": 2},
            }
        },
        {},
        {},
        "299ee73af5b308a7f35b46f17befda40",
        "299ee73af5b308a7f35b46f17befda40",
    ),
    "slug": (
        {"portkey_api_key": "pk-1", "config": "pc-a"},
        {"config": "pc-b"},
        {"virtual_key": "w", "cache_force_refresh": True},
        "f788cb5677045b232041eb60ad6f21c1",
        "7cfd425659ff668eb2aadfd00361cb03",
    ),
    "one target": (
        {"targets": PINNED_TARGETS},
        {"targets": "gpt"},
        {},
        "49e042efb10de1f60a40296ba6791029",
        "9b0656c5a127c12ea1a8c98da4857780",
    ),
    "fallback": (
        {"targets": PINNED_TARGETS, "request_timeout": 5000, "provider": "mistral"},
        {"strategy": "fallback"},
        {"retry": 3},
        "1f68181732426f1beecf754eafd9355f",
        "6c4eadfd2c19f3b2798a70c461d04cef",
    ),
    "loadbalance": (
        {"targets": PINNED_TARGETS, "cache": "simple", "cache_max_age": 60},
        {
            "strategy": "loadbalance",
            "targets": [
                {"name": "gpt", "weight": 0.25, "temperature": 0.5},
                {"name": "claude", "weight": 0.75, "max_tokens": 7},
            ],
        },
        {"input_guardrails": ["pg-1"]},
        "9a3f3fef99847b5b317f4e1233aad35f",
        "9b0656c5a127c12ea1a8c98da4857780",
    ),
    "guardrails": (
        {
            "provider": "ollama",
            "custom_host": "http://localhost:11434",
            "output_guardrails": [{"default.contains": {"words": ["é"]}, "deny": True}],
        },
        {},
        {"cache": "semantic"},
        "6d7247c476e07c4138894b6df065c158",
        "8515aa91eae7b1c2ed405b26caba0f3c",
    ),
}


@pytest.mark.parametrize("case", PINNED)
def test_fingerprints_are_those_of_earlier_releases(case: str) -> None:
    """Another one would leave every cached answer behind."""
    engine, model, query, pinned, scope = PINNED[case]
    resolved = resolve(target="a", engine=engine, model={"model": "m", **model}, query=query, environment={})
    gateway = GatewayConfig.resolve(resolved.credentials, resolved.plan)
    assert engine_fingerprint("e", gateway) == pinned
    assert limits_scope("e", resolved.credentials) == scope
