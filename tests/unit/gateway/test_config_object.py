"""Routing in plain words: what each level may say, and the config object that the gateway gets of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from portkey_handler.errors import OptionError
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.config_object import LARGEST_CONFIG
from portkey_handler.options import resolve, resolve_engine
from portkey_handler.secret import revealed

KEY = "sk-do-not-show-this-key"
GPT = {"provider": "openai", "api_key": KEY, "model": "gpt-4o"}
CLAUDE = {"provider": "anthropic", "api_key": f"{KEY}-2"}
ENGINE = {"targets": {"gpt": GPT, "claude": CLAUDE}}
#: As they stand in a config.
GPT_THERE = {"provider": "openai", "api_key": KEY, "override_params": {"model": "gpt-4o"}}
ONLY_GPT = {"strategy": {"mode": "single"}, "targets": [GPT_THERE]}


def options(
    engine: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give the gateway's options for what each level says."""
    resolved = resolve(target="a", engine=engine, model=model or {}, query=query, environment={})
    return dict(revealed(GatewayConfig.resolve(resolved.credentials, resolved.plan).options))


def config(*levels: Mapping[str, Any]) -> dict[str, Any]:
    """Give the config that goes to the gateway."""
    made: dict[str, Any] = options(*levels)["config"]
    return made


def refusal(*levels: Mapping[str, Any]) -> str:
    """Give the message that these options are refused with; no key is in it."""
    with pytest.raises(OptionError) as caught:
        options(*levels)
    assert KEY not in str(caught.value)
    return str(caught.value).splitlines()[0]


# The choice


def test_one_name_pins_a_target() -> None:
    """A name alone, or a list of one, is that target and no other."""
    assert config(ENGINE, {"targets": "gpt"}) == config(ENGINE, {"targets": '["gpt"]'}) == ONLY_GPT
    assert config({"targets": {"gpt": GPT}}) == ONLY_GPT


def test_a_strategy_alone_is_over_all_targets() -> None:
    """They come in the engine's order; a list of names makes an order of its own."""
    made = config(ENGINE, {"strategy": "Fallback"})
    assert made == {"strategy": {"mode": "fallback"}, "targets": [GPT_THERE, CLAUDE]}
    turned = config(ENGINE, {"strategy": "fallback", "targets": ["claude", "gpt"]})
    assert turned["targets"] == [CLAUDE, GPT_THERE]


def test_a_target_has_weight_and_parameters_of_its_own() -> None:
    """They stand in it alone, beat the engine's, and may be written as texts; NULL says nothing."""
    chosen = [
        {"name": "gpt", "weight": "0.7", "model": "gpt-4o-mini", "temperature": "-0.5"},
        {"name": "claude", "weight": 0.3, "MAX_TOKENS": 50, "top_p": None},
    ]
    made = config(ENGINE, {"strategy": "loadbalance", "targets": chosen})
    assert made["targets"] == [
        {**GPT_THERE, "weight": 0.7, "override_params": {"model": "gpt-4o-mini", "temperature": -0.5}},
        {**CLAUDE, "weight": 0.3, "override_params": {"max_tokens": 50}},
    ]
    assert config(ENGINE, {"targets": "gpt"}) == ONLY_GPT, "the engine's own target was changed"


def test_a_query_beats_the_model_and_the_model_the_engine() -> None:
    """A pin in SELECT needs no other strategy, and NULL does without an earlier word."""
    model = {"strategy": "loadbalance", "targets": ["gpt", "claude"], "retry": 2, "cache": "simple"}
    engine = {**ENGINE, "strategy": "fallback", "cache_max_age": 60}
    query = {"targets": "gpt", "retry": None, "cache": None}
    assert config(engine, model)["strategy"] == {"mode": "loadbalance"}
    assert config(engine, model)["cache"] == {"mode": "simple", "max_age": 60}
    assert config(engine, model, query) == ONLY_GPT


def test_every_word_gets_into_the_config() -> None:
    """Statuses, retry, cache and guardrails stand where the gateway's documentation has them."""
    check = [{"default.wordCount": {"minWords": 1, "maxWords": 9}, "deny": True}]
    made = config(
        ENGINE,
        {
            "strategy": '{"mode": "fallback", "on_status_codes": [429, 503]}',
            "retry": {"attempts": 3, "on_status_codes": [429], "use_retry_after_header": True},
            "cache": {"mode": "semantic", "max_age": 10},
            "cache_max_age": "3600",
            "input_guardrails": check,
            "output_guardrails": "my-slug",
        },
    )
    del made["targets"]
    assert made == {
        "strategy": {"mode": "fallback", "on_status_codes": [429, 503]},
        "retry": {"attempts": 3, "on_status_codes": [429], "use_retry_after_header": True},
        "cache": {"mode": "semantic", "max_age": 3600},
        "input_guardrails": check,
        "output_guardrails": ["my-slug"],
    }


def test_words_without_targets_leave_the_destination_alone() -> None:
    """An engine of one provider can have retry; its key and address stay the headers they were."""
    engine = {"provider": "openai", "provider_api_key": KEY, "custom_host": "http://localhost:1"}
    made = options(engine, {"retry": "3"})
    assert made == {**engine, "config": {"retry": {"attempts": 3}}}


def test_an_engines_one_destination_is_taken_where_nobody_chooses() -> None:
    """Targets beside a provider are used when a model names them, and nothing of the provider goes along."""
    engine = {
        **ENGINE,
        "provider": "openai",
        "provider_api_key": KEY,
        "custom_host": "http://localhost:1",
        "aws_secret_access_key": KEY,
        "metadata": {"a": "b"},
    }
    assert "config" not in options(engine)
    assert options(engine, {"targets": "gpt"}) == {"metadata": {"a": "b"}, "config": ONLY_GPT}


def test_a_targets_timeout_beats_the_engines() -> None:
    """The engine's goes into the config, because a header would beat each target's; a model's is a header."""
    engine = {"targets": {"gpt": {**GPT, "request_timeout": "100"}}, "request_timeout": 500}
    made = options(engine)
    assert "request_timeout" not in made
    assert (made["config"]["request_timeout"], made["config"]["targets"][0]["request_timeout"]) == (500, 100)
    assert options(engine, {"request_timeout": 50})["request_timeout"] == 50


# The engine


def test_the_old_sdks_words_are_understood_on_the_engine() -> None:
    """`llms` is a list, `mode` the strategy, `cache_status` and `cache_age` the cache."""
    engine = {
        "llms": [
            {
                "provider": "openai",
                "api_key": f"Bearer {KEY}",
                "model": "m",
                "weight": 0.4,
                "max_tokens": "9",
            },
            {"virtual_key": "vault", "weight": 0.6, "cache_status": "semantic", "cache_age": 5},
            {"provider": "openai", "authorization": KEY, "retry": 2, "temperature": None},
        ],
        "mode": "loadbalance",
        "cache_status": "simple",
        "cache_age": 60,
    }
    first = {
        "provider": "openai",
        "api_key": KEY,
        "weight": 0.4,
        "override_params": {"model": "m", "max_tokens": 9},
    }
    second = {"virtual_key": "vault", "weight": 0.6, "cache": {"mode": "semantic", "max_age": 5}}
    third = {"provider": "openai", "api_key": KEY, "retry": {"attempts": 2}}
    assert config(engine) == {
        "strategy": {"mode": "loadbalance"},
        "targets": [first, second, third],
        "cache": {"mode": "simple", "max_age": 60},
    }
    assert config(engine, {"targets": "vault"})["targets"] == [second]
    assert config(engine, {"targets": "openai_3"})["targets"] == [third]
    assert config({**engine, "mode": "fallback"})["strategy"] == {"mode": "fallback"}
    assert config({**engine, "mode": "single"}, {"targets": "openai"})["targets"] == [first]


def test_below_the_engine_mode_is_the_operation() -> None:
    """It cannot be mistaken: a model's `mode` is chat, and fallback is none."""
    assert "mode = 'fallback': expected" in refusal(ENGINE, {"mode": "fallback"})
    assert "mode cannot be given in CREATE ML_ENGINE" in refusal({**ENGINE, "mode": "chat"})


def test_a_part_that_nobody_here_knows_goes_as_it_is() -> None:
    """The gateway has words for single providers, and targets within targets."""
    inner = {"strategy": {"mode": "conditional", "conditions": []}, "targets": [{"provider": "x"}]}
    azure = {"provider": "azure-openai", "api_key": KEY, "azure_auth_mode": "entra", "azure_entra_scope": "s"}
    engine = {"targets": {"inner": inner, "azure": azure}}
    assert config(engine, {"strategy": "fallback"})["targets"] == [inner, azure]


# Messages


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (KEY, "the target gpt is not an object"),
        ({}, "the target gpt names neither a provider nor a virtual_key"),
        ({"model": "m"}, "the target gpt names neither a provider nor a virtual_key"),
        ({**GPT, "override_params": KEY}, "override_params of the target gpt: expected an object"),
        ({**GPT, "custom_hots": KEY}, "custom_hots of the target gpt: is unknown; did you mean custom_host?"),
        ({**GPT, "base_url": KEY}, "base_url of the target gpt: .* the provider's address is custom_host"),
        ({**GPT, "portkey_api_key": KEY}, "portkey_api_key of the .* the provider's key is api_key"),
        ({**GPT, "custom_host": KEY}, "custom_host of the target gpt: .* starts with http:// or https://"),
        ({**GPT, "request_timeout": KEY}, "request_timeout of the target gpt: expected whole number"),
        ({**GPT, "retry": KEY}, "retry of the target gpt: expected a whole number from 0 to 5"),
        ({**GPT, "cache": KEY}, "cache of the target gpt: expected 'simple' or 'semantic'"),
        ({**GPT, "cache_age": 5}, "cache_max_age of the target gpt needs cache = 'simple'"),
        ({**GPT, "weight": KEY}, "weight of the target gpt: expected a weight of at least 0"),
        ({**GPT, "max_tokens": KEY}, "max_tokens of the target gpt: expected an integer"),
        ({**GPT, "model": 3}, "model of the target gpt: expected the name of a model"),
    ],
)
def test_wrong_targets_of_an_engine(target: Any, said: str) -> None:
    """The message names the target and its part, and shows no value, which could be a key."""
    with pytest.raises(OptionError) as caught:
        resolve_engine({"targets": {"gpt": target}}, {})
    assert re.search(f"targets: {said}", str(caught.value))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("given", [[], {}, "gpt", [KEY], 7, f'{{"gpt": {{"api_key": "{KEY}"'])
def test_what_is_no_targets(given: Any) -> None:
    """An engine's targets are an object of objects, or a list of them."""
    assert re.match("targets: (expected|not valid JSON)", refusal({"targets": given}))


_NAMES = "expected names of the engine's targets"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {},
            r"the engine has several targets: gpt, claude; write targets = \['gpt'\] for one of them",
        ),
        ({"targets": "gptt"}, "the engine does not have, did you mean 'gpt'. It has gpt, claude$"),
        ({"targets": [KEY]}, "a target that the engine does not have; it has gpt, claude$"),
        ({"targets": ["gpt", "claude"]}, "several targets need strategy = 'fallback' .* or 'loadbalance'"),
        ({"targets": []}, _NAMES),
        ({"targets": [7]}, _NAMES),
        ({"targets": [{"weight": 1}]}, _NAMES),
        ({"targets": {"gpt": GPT}}, f"{_NAMES}, not targets: an engine's keys go only where the engine says"),
        ({"targets": [{"name": "gpt", "api_key": KEY}]}, "api_key cannot be given to a target here: .* keys"),
        (
            {"targets": [{"name": "gpt", "custom_host": "http://x"}]},
            "custom_host cannot be given to a target",
        ),
        ({"targets": [{"name": "gpt", "wieght": 1}]}, "wieght cannot be given .*; did you mean weight"),
        ({"targets": [{"name": "gpt", "max_token": 1}]}, "max_token cannot .*; did you mean max_tokens"),
        ({"targets": [{"name": "gpt", "weight": KEY}]}, "expected a weight of at least 0"),
        ({"targets": [{"name": "gpt", "weight": float("nan")}]}, "expected a weight of at least 0"),
        ({"targets": [{"name": "gpt", "weight": -1}]}, "expected a weight of at least 0"),
        ({"targets": [{"name": "gpt", "temperature": KEY}]}, "temperature of a target: expected a number"),
        ({"targets": [{"name": "gpt", "model": ""}]}, "model of a target: expected the name of a model"),
        ({"strategy": "single"}, "strategy = 'single' takes one target; name one"),
        ({"strategy": "falback"}, "strategy = 'falback': expected 'fallback', 'loadbalance' or 'single'"),
        ({"strategy": {"mode": "fallback", "on_status_codes": [5]}}, r"strategy: expected .* \[429, 503\]}"),
        ({"strategy": {"mode": "fallback", "codes": KEY}}, r"strategy: expected .* \[429, 503\]}"),
        (
            {
                "strategy": "loadbalance",
                "targets": [{"name": "gpt", "weight": 0}, {"name": "gpt", "weight": 0}],
            },
            "loadbalance needs a target with a weight above 0",
        ),
        ({"targets": "gpt", "retry": 6}, "retry = 6: expected a whole number from 0 to 5, or an object such"),
        ({"targets": "gpt", "retry": True}, "retry = true: expected a whole number from 0 to 5"),
        ({"targets": "gpt", "retry": {"attempts": KEY}}, "retry: expected a whole number from 0 to 5"),
        ({"targets": "gpt", "cache": "simpel"}, "cache = 'simpel': expected 'simple' or 'semantic'"),
        ({"targets": "gpt", "cache_max_age": 60}, "cache_max_age needs cache = 'simple' or 'semantic'"),
        ({"targets": "gpt", "virtual_key": "v"}, "virtual_key and targets cannot be used together"),
        ({"targets": "gpt", "input_guardrails": [7]}, "input_guardrails: expected a list of slugs or of obj"),
        (
            {"input_guardrails": ["a", {"default.contains": {}}]},
            "expected a list of slugs, or of objects, not",
        ),
        ({"output_guardrails": [{"checks": [{"id": "default.contains"}]}]}, "expected checks by their names"),
        ({"output_guardrails": [{"default.contains": {}, "deny": "false"}]}, "true or false.* for deny"),
    ],
)
def test_wrong_words_below_the_engine(given: dict[str, Any], said: str) -> None:
    """Each is refused in CREATE MODEL and in SELECT alike, with what to write instead."""
    for levels in ((ENGINE, given), (ENGINE, {}, given)):
        assert re.search(said, refusal(*levels).removesuffix(" (in CREATE MODEL … USING)"))


@pytest.mark.parametrize(
    "given", ["conditional", {"mode": "conditional", "conditions": [], "default": "gpt"}]
)
@pytest.mark.parametrize("level", ["engine", "model"])
def test_conditional_routing_is_a_config(given: Any, level: str) -> None:
    """Its refusal says where it is written: a slug, or the engine's config."""
    levels = ({**ENGINE, "strategy": given},) if level == "engine" else (ENGINE, {"strategy": given})
    said = refusal(*levels)
    assert "conditional routing is written as a config; save it at Portkey and give its slug, or" in said
    assert 'CREATE ML_ENGINE … FROM portkey USING config = {"strategy": {"mode": "conditional"' in said


@pytest.mark.parametrize("engine", [{}, {"provider": "openai"}])
def test_targets_that_the_engine_has_not(engine: dict[str, Any]) -> None:
    """The message has the CREATE ML_ENGINE to write."""
    assert "engine, which has none; write CREATE ML_ENGINE" in refusal(engine, {"targets": "gpt"})
    assert "strategy needs targets to choose from, and the engine has none" in refusal(
        engine, {"strategy": "fallback"}
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"retry": 1}, "config and retry cannot"),
        ({"targets": "gpt", "cache": "simple"}, "config and targets, cache cannot"),
        ({"strategy": "fallback"}, "config and targets, strategy cannot"),
        ({"input_guardrails": ["slug"]}, "config and input_guardrails cannot"),
    ],
)
def test_config_beside_words_is_refused(words: dict[str, Any], named: str) -> None:
    """One would replace the other; the message names both and how to do without each."""
    said = refusal(ENGINE, {"config": "pc-slug", **words})
    assert named in said
    assert "keep config and write the rest into it, or write config = NULL" in said
    assert refusal({**ENGINE, "config": {"retry": {"attempts": 1}}}, words) == said
    assert "config" in options({**ENGINE, "config": "pc-slug"}, {**words, "config": None, "targets": "gpt"})


def test_a_slug_beats_the_engines_targets() -> None:
    """A model that names a config has made its choice."""
    assert options(ENGINE, {"config": "pc-slug"}) == {"config": "pc-slug"}


def test_a_config_too_large_for_a_header() -> None:
    """The message has its size and the limit; one that fits just so is let through."""
    room = LARGEST_CONFIG - len(json.dumps({"retry": {"attempts": 1}, "pad": ""}))
    fits = {"retry": {"attempts": 1}, "pad": "x" * room}
    assert options({"config": fits})["config"] == fits
    said = refusal({"config": {**fits, "pad": "x" * (room + 1)}})
    assert "the config has 15,001 bytes, but it is sent as a header of at most 15,000 bytes" in said
    long = {**GPT, "override_params": {"suffix": "ü" * 3_000}}
    assert re.match(r"the config has 18,\d{3} bytes", refusal({"targets": {"gpt": long}}))


# Guardrails below the engine

_CALLS = {"webhookURL": "http://elsewhere", "logURL": "http://elsewhere"}


@pytest.mark.parametrize("which", ["input_guardrails", "output_guardrails"])
@pytest.mark.parametrize(
    "guardrail",
    [
        {"default.webhook": _CALLS},
        {"default.log": _CALLS},
        {"webhook": _CALLS},
        {"default.jwt": {"jwksUri": "http://elsewhere"}},
        {"acme.scan": {}},
        {"default.contains": {"operator": "any", "words": ["a"]}, "default.webhook": _CALLS},
        {"default.contains": {"id": "default.webhook", **_CALLS}},
        {"contains": {"id": "log", **_CALLS}},
        {"contains": {"id": ["default.webhook"], **_CALLS}},
        {"contains": "default.webhook"},
        {"before_request_hooks": [_CALLS]},
    ],
)
def test_a_guardrail_that_could_call_somebody_is_refused(which: str, guardrail: dict[str, Any]) -> None:
    """A check is known by its name, and must not name another one among its parameters."""
    said = refusal(ENGINE, {"targets": "gpt", which: [guardrail]})
    assert f"{which} may only name slugs and checks that call no address here" in said
    assert config({**ENGINE, which: [guardrail]}, {"targets": "gpt"})[which] == [guardrail]
