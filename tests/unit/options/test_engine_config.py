"""The options of an engine, and its secrets apart from them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from portkey_handler.options import OPTIONS, Credentials, EngineConfig, resolve_engine
from portkey_handler.options.catalog import GATEWAY_SECTIONS
from portkey_handler.secret import revealed

SECRET = "sk-do-not-show-this-key"
WEBHOOK = [{"default.webhook": {"webhookURL": "https://x", "headers": {"Authorization": SECRET}}}]
#: Every place of an engine that a key can stand in.
SECRETS: dict[str, Any] = {
    "portkey_api_key": SECRET,
    "provider_api_key": SECRET,
    "headers": {"Authorization": SECRET},
    "config": {"targets": [{"api_key": SECRET}]},
    "targets": {"gpt": {"provider": "openai", "api_key": SECRET}},
    "aws_access_key_id": SECRET,
    "aws_secret_access_key": SECRET,
    "aws_session_token": SECRET,
    "input_guardrails": WEBHOOK,
    "output_guardrails": WEBHOOK,
}
PLAIN: dict[str, Any] = {
    "base_url": "http://x/v1",
    "provider": "openai",
    "config": "pc-slug",
    "targets": ["gpt"],
    "metadata": {"_user": "u"},
    "input_guardrails": [{"default.contains": {"words": ["a"]}}],
    "output_guardrails": None,
}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_in_a_field_of_their_own(name: str) -> None:
    """A repr names them and shows none; options have both."""
    engine = EngineConfig({"base_url": "http://x/v1", name: SECRETS[name]})
    assert revealed(engine.secrets) == {name: SECRETS[name]}
    assert SECRET not in repr(engine.secrets) + repr(engine.options)
    assert engine.plain == {"base_url": "http://x/v1"}
    assert revealed(engine.options) == {"base_url": "http://x/v1", name: SECRETS[name]}
    shown = f"EngineConfig({{'base_url': 'http://x/v1'}}; secrets, not shown: {name})"
    assert repr(engine) == str(engine) == f"{engine}" == shown


@pytest.mark.parametrize("name", PLAIN)
def test_the_others_are_plain(name: str) -> None:
    """A slug, names of targets and checks that call no address have no key in them."""
    engine = EngineConfig({name: PLAIN[name]})
    assert (engine.plain, engine.secrets) == ({name: PLAIN[name]}, {})
    assert repr(engine) == f"EngineConfig({{{name!r}: {PLAIN[name]!r}}}; secrets, not shown: none)"


def test_every_secret_option_is_tried() -> None:
    """A new one has to be, too."""
    known = {name for section in GATEWAY_SECTIONS for name in section.model_fields if OPTIONS[name].secret}
    assert known <= SECRETS.keys()


def test_what_is_not_known_may_be_a_key() -> None:
    """A misspelt name is not shown with its value."""
    assert SECRET not in repr(EngineConfig({"portkey_api_keyy": SECRET}))


def test_it_cannot_be_changed() -> None:
    """Neither its fields, nor what is in them, nor through a copy of the options."""
    engine = EngineConfig({"portkey_api_key": SECRET, "provider": "openai"})
    for field in ("plain", "secrets", "withheld"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(engine, field, {})
    for held in (engine.plain, engine.secrets):
        with pytest.raises(TypeError):
            held["provider"] = "other"  # type: ignore[index]
    engine.options["provider"] = "other"
    assert engine.options["provider"] == "openai"


def test_it_has_its_earlier_name() -> None:
    """Programs that import it go on to work."""
    assert Credentials is EngineConfig


def test_a_providers_key_is_told_from_the_gateways() -> None:
    """The gateway's own key goes to no provider."""
    assert not EngineConfig({"portkey_api_key": SECRET, "provider": "openai"}).holds_provider_key
    assert not EngineConfig({"provider_api_key": None, "input_guardrails": WEBHOOK}).holds_provider_key
    assert EngineConfig({"provider_api_key": SECRET}).holds_provider_key
    assert EngineConfig({"headers": {"a": "b"}}).holds_provider_key


def test_validated_options_are_split_alike() -> None:
    """What CREATE ML_ENGINE wrote as text is an object by then."""
    given = {"headers": f'{{"a": "{SECRET}"}}', "input_guardrails": WEBHOOK, "provider": "openai"}
    engine, _ = resolve_engine(given, {})
    assert engine.secrets.keys() == {"headers", "input_guardrails"}
    assert engine.plain == {"provider": "openai"}
