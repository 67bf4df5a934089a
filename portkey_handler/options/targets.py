"""The targets of an engine, with keys and addresses, and the choice among them, by name alone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ..endpoint_parameters import coerce
from .parameters import is_parameter, is_parameter_of_any_mode

#: What stands in a target under another name in the gateway's config object.
_CONFIG_NAMES = {"provider_api_key": "api_key", "authorization": "api_key"}
#: Parts of a target that lead nowhere by themselves.
_PLAIN = frozenset(
    {
        "api_key",
        "cache",
        "name",
        "on_status_codes",
        "override_params",
        "provider",
        "request_timeout",
        "retry",
        "virtual_key",
        "weight",
    }
)


def engine_targets(value: Any) -> dict[str, dict[str, Any]]:
    """Read the engine's targets.

    Args:
        value: An object of targets by name; or a list of them, which are named by their `name`, else
            `virtual_key`, else `provider` (the form of the SDK of 2023).

    Returns:
        Name to target as it stands in the gateway's config object: parameters of the body, `model` among
        them, are its `override_params`.

    Raises:
        ValueError: What is wrong, without a value in it.
    """
    named = value if isinstance(value, dict) else _named(value)
    if not named:
        raise ValueError('expected targets by name, such as {"gpt": {"provider": "openai", "api_key": "…"}}')
    return {str(name): _target(str(name), given) for name, given in named.items()}


def _named(value: Any) -> dict[str, Any]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("expected an object of targets by name")
    named: dict[str, Any] = {}
    for number, one in enumerate(value, 1):
        name = str(one.get("name") or one.get("virtual_key") or one.get("provider") or f"target_{number}")
        if name in named:
            name = f"{name}_{number}"
        named[name] = {key: part for key, part in one.items() if key != "name"}
    return named


def _target(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"the target {name} is no object")
    target: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for written, part in given.items():
        word = str(written).lower()
        if word == "model" or is_parameter_of_any_mode(word):
            parameters[word] = part
        else:
            target[_CONFIG_NAMES.get(word, word)] = part
    overrides = target.pop("override_params", None) or {}
    if not isinstance(overrides, dict):
        raise ValueError(f"override_params of the target {name} is no object")
    if not target:
        raise ValueError(f"the target {name} names neither a provider nor a virtual_key")
    if overrides or parameters:
        target["override_params"] = {**overrides, **parameters}
    return target


def leads_somewhere(targets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether any of the engine's targets names an address of its own, or could."""
    return any(not _PLAIN.issuperset(target) for target in targets.values())


def chosen_targets(value: Any, mode: str) -> list[dict[str, Any]]:
    """Read which of the engine's targets a model or a query chooses.

    Args:
        value: A name, a list of names, or a list of objects with `name`, `weight` and parameters of the
            operation's endpoint.
        mode: The operation.

    Returns:
        Objects with `name`, and where given `weight` and `override_params`.

    Raises:
        ValueError: What is wrong, without a value in it that could be a key.
    """
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, (str, dict)) for one in listed):
        raise ValueError("expected names of the engine's targets")
    return [_chosen({"name": one} if isinstance(one, str) else one, mode) for one in listed]


def _chosen(given: Mapping[str, Any], mode: str) -> dict[str, Any]:
    words = {str(written).lower(): part for written, part in given.items()}
    name = words.pop("name", None)
    if not isinstance(name, str) or not name:
        raise ValueError(
            "expected names of the engine's targets, not targets: an engine's keys go only where the engine "
            "says; write CREATE ML_ENGINE … FROM portkey USING targets = …"
        )
    chosen: dict[str, Any] = {"name": name}
    overrides: dict[str, Any] = {}
    for word, part in words.items():
        if word == "weight":
            if isinstance(part, bool) or not isinstance(part, (int, float)) or part < 0:
                raise ValueError("expected a weight of at least 0")
            chosen["weight"] = part
        elif word == "model" and isinstance(part, str):
            overrides["model"] = part
        elif is_parameter(mode, word):
            try:
                overrides[word] = coerce(mode, word, part)
            except ValueError as error:
                raise ValueError(f"{word} of a target: {error}") from None
        else:
            near = difflib.get_close_matches(word, ["name", "weight", "model"], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{word} cannot be given to a target here: an engine's keys go only where the engine says; "
                f"name, weight, model and the endpoint's parameters can{hint}"
            )
    if overrides:
        chosen["override_params"] = overrides
    return chosen
