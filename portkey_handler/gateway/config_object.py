"""Make the gateway's config object from the routing options.

The engine's targets hold keys and addresses; a model or a query chooses among them by name. The result is the
object that the gateway documents: strategy, targets, retry, cache, guardrails. It is sent as a header.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import OptionError, closest
from ..options import OPTIONS, EngineConfig
from ..options.routing import CONFIG_WORDS
from ..secret import revealed

#: The gateway runs on Node, which rejects a request with more than 16 KB of headers.
LARGEST_CONFIG = 15_000
#: Options that describe the destination of an engine without targets.
_OF_ONE_DESTINATION = frozenset({"provider", "provider_api_key", "virtual_key"})
_STAYS = frozenset({"base_url", "config", "headers"})


def joined_options(engine: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """Join an engine's gateway options with those of model and query; make `config` from the routing options.

    Args:
        engine: The engine's options, keys as secrets.
        below: Options of the model and the query, as resolved; they beat the engine's.

    Returns:
        The options as the SDK's client takes them.

    Raises:
        OptionError: The engine does not have a target, several are chosen without a strategy, `config` is
            given together with routing options, or the config is too large for a header.
    """
    options = {**engine, **below}
    known: Mapping[str, Mapping[str, Any]] = engine.get("targets") or {}
    words = {name: options.pop(name) for name in CONFIG_WORDS if name in options}
    if words.get("cache", "") is None:
        words.pop("cache_max_age", None)  # cache = NULL turns off an engine's or a model's cache
    words = {name: value for name, value in words.items() if value is not None}
    config = _config(known, words, options)
    if config:
        if options.get("config") is not None:
            raise OptionError(_both(name for name in words if name != "targets" or name in config))
        options["config"] = config
    if "targets" in config:
        _check_one_destination(below)
        options = {name: value for name, value in options.items() if not _is_of_one_destination(name)}
        if "request_timeout" in engine and "request_timeout" not in below:
            # As a header it would beat the request_timeout of a target.
            config["request_timeout"] = options.pop("request_timeout")
    _check_size(options.get("config"))
    return options


def check_config(engine: EngineConfig) -> None:
    """Check an engine's own options. Its targets are checked with the model or query that chooses them.

    Raises:
        OptionError: `config` is given together with routing options, or is too large for a header.
    """
    options = engine.options
    words = [name for name in CONFIG_WORDS if options.get(name) is not None]
    if options.get("config") is not None and words:
        raise OptionError(_both(words))
    _check_size(options.get("config"))


def _both(words: Iterable[str]) -> str:
    return (
        f"config and {', '.join(words)} cannot be used together, because one would replace the other; keep "
        "config and write the rest into it, or write config = NULL to turn it off"
    )


def _check_one_destination(below: Mapping[str, Any]) -> None:
    for name in ("virtual_key", "provider"):
        if below.get(name) is not None:
            raise OptionError(
                f"{name} and targets cannot be used together, because each says where requests go; leave one "
                f"of them out ({name} = NULL in SELECT … USING turns off the model's)"
            )


def _config(
    known: Mapping[str, Mapping[str, Any]], words: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    chosen = _chosen(known, words, options)
    if chosen:
        config["strategy"] = _strategy(words.get("strategy"), chosen)
        config["targets"] = [_target(known, choice) for choice in chosen]
        if config["strategy"]["mode"] == "loadbalance":
            _check_weights(config["targets"])
    elif "strategy" in words:
        raise OptionError(
            "strategy needs targets to choose from, and the engine has none; write CREATE ML_ENGINE … FROM "
            'portkey USING targets = {"gpt": {"provider": "openai", "api_key": "…"}, …}'
        )
    if "retry" in words:
        config["retry"] = words["retry"]
    if "cache" in words:
        age = words.get("cache_max_age")
        config["cache"] = {**words["cache"], **({} if age is None else {"max_age": age})}
    elif "cache_max_age" in words:
        raise OptionError("cache_max_age needs cache = 'simple' or 'semantic'")
    for name in ("input_guardrails", "output_guardrails"):
        if name in words:
            config[name] = words[name]
    return config


def _chosen(
    known: Mapping[str, Mapping[str, Any]], words: Mapping[str, Any], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the chosen targets; all of the engine's if none is chosen and it has no other destination."""
    given = words.get("targets")
    if isinstance(given, list):
        for choice in given:
            if choice["name"] not in known:
                raise OptionError(_unknown(choice["name"], known))
        return given
    has_another = any(options.get(name) is not None for name in ("provider", "virtual_key", "config"))
    if not known or (has_another and "strategy" not in words):
        return []
    if len(known) > 1 and "strategy" not in words:
        raise OptionError(
            f"the engine has several targets: {', '.join(known)}; write targets = ['{next(iter(known))}'] "
            "for one of them, or strategy = 'fallback' or 'loadbalance' for several"
        )
    return [{"name": name} for name in known]


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    if not known:
        return (
            "targets names targets of the engine, which has none; write CREATE ML_ENGINE … FROM portkey "
            'USING targets = {"gpt": {"provider": "openai", "api_key": "…"}}'
        )
    near = closest(name, known)
    # The name itself is not shown, because it may be a key in the wrong place.
    hint = f", did you mean {near!r}? It" if near else "; it"
    return f"targets names a target that the engine does not have{hint} has {', '.join(known)}"


def _strategy(given: Mapping[str, Any] | None, chosen: list[dict[str, Any]]) -> dict[str, Any]:
    if len(chosen) == 1:
        return {"mode": "single"}
    if given is None:
        raise OptionError(
            "several targets need strategy = 'fallback' (use the next target when one fails) or "
            "'loadbalance' (distribute by weight)"
        )
    if given["mode"] == "single":
        raise OptionError(
            "strategy = 'single' takes one target; name one, or write 'fallback' or 'loadbalance'"
        )
    return dict(given)


def _check_weights(targets: list[dict[str, Any]]) -> None:
    if not any(target.get("weight", 1) for target in targets):
        raise OptionError("loadbalance needs a target with a weight above 0, and all weights are 0")


def _target(known: Mapping[str, Mapping[str, Any]], choice: Mapping[str, Any]) -> dict[str, Any]:
    target = dict(known[choice["name"]])
    if "weight" in choice:
        target["weight"] = choice["weight"]
    overrides = {**(target.get("override_params") or {}), **choice.get("override_params", {})}
    if overrides:
        target["override_params"] = overrides
    return target


def _is_of_one_destination(name: str) -> bool:
    """Return whether an option decides the destination of a request, or the provider's key.

    With targets these options are left out: for the gateway, a header such as x-portkey-custom-host beats the
    address of a target, and the target's key would be sent there.
    """
    if name in _STAYS:
        return False
    return name in _OF_ONE_DESTINATION or OPTIONS[name].destination or name.startswith("aws_")


def _check_size(config: Any) -> None:
    """Check that a config object fits into a header.

    Raises:
        OptionError: It is too large; the message has its size and the limit.
    """
    if isinstance(config, dict) and (size := len(json.dumps(revealed(config)))) > LARGEST_CONFIG:
        raise OptionError(
            f"the config has {size:,} bytes, but it is sent as a header of at most {LARGEST_CONFIG:,} bytes; "
            "save it at Portkey and give its slug, or shorten it"
        )
