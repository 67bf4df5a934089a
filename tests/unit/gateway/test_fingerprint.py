"""Whose answers may be used again."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_handler.gateway.fingerprint import engine_fingerprint, limits_scope
from portkey_handler.options import EngineConfig

BASE: dict[str, Any] = {
    "base_url": "http://one/v1",
    "provider": "openai",
    "portkey_api_key": "pk-1",
    "provider_api_key": "sk-1",
    "config": {"targets": [{"provider": "openai", "api_key": "sk-2"}]},
    "headers": {"x-team": "a", "Authorization": "Bearer sk-3"},
}


def identity(engine: str = "e", routing: dict[str, Any] | None = None, **changed: Any) -> str:
    """Give the identity of an engine that differs from the base."""
    return engine_fingerprint(engine, EngineConfig({**BASE, **changed}), routing or {})


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
    """Give the identity of an engine some of whose targets were chosen."""
    routing = {"targets": [{"name": name} for name in names], **words}
    return engine_fingerprint("e", EngineConfig({"base_url": "http://one/v1", "targets": targets}), routing)


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
