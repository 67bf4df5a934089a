"""The targets of an engine, with keys and addresses, and the choice among them by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..errors import closest
from .endpoint_parameters import PARAMETERS, coerce
from .gateway import GatewayOptions
from .parameters import is_parameter, is_parameter_of_any_mode
from .routing import RoutingOptions
from .schema import Options

#: Names of parts of a target that differ from those in the gateway's config object.
_OLD_NAMES = {
    "authorization": "api_key",
    "cache_age": "cache_max_age",
    "cache_status": "cache",
    "provider_api_key": "api_key",
}
#: Options of the engine that a target does not have, and what to write in a target instead.
_ELSEWHERE = {
    "base_url": "the provider's address is custom_host",
    "gateway_url": "the provider's address is custom_host",
    "portkey_api_key": "the provider's key is api_key",
}
#: A target may have targets of its own, in the gateway's form.
_NESTED = frozenset({"strategy", "targets"})
#: Parts of a target that hold no address.
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
#: All known parts of a target.
_WORDS = _PLAIN | GatewayOptions.model_fields.keys() | RoutingOptions.model_fields.keys()


def engine_targets(value: Any) -> dict[str, dict[str, Any]]:
    """Read the engine's targets.

    Args:
        value: An object of targets by name; or a list of them, the form of the SDK of 2023, where the name of
            a target is its `name`, else its `virtual_key`, else its `provider`.

    Returns:
        The targets by name, in the form of the gateway's config object: parameters of the body, `model`
        among them, are in `override_params`.

    Raises:
        ValueError: A target is wrong; the message shows no value.
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
        raise ValueError(f"the target {name} is not an object")
    target: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for written, part in given.items():
        word = str(written).lower()
        word = _OLD_NAMES.get(word, word)
        if part is None:
            continue
        try:
            if word == "model" or is_parameter_of_any_mode(word):
                parameters[word] = _parameter(word, part)
            else:
                target[word] = _part(word, part)
        except ValueError as error:
            raise ValueError(f"{written} of the target {name}: {error}") from None
    overrides = target.pop("override_params", None) or {}
    age = target.pop("cache_max_age", None)
    if age is not None:
        if "cache" not in target:
            raise ValueError(f"cache_max_age of the target {name} needs cache = 'simple' or 'semantic'")
        target["cache"]["max_age"] = age
    if not target:
        raise ValueError(f"the target {name} names neither a provider nor a virtual_key")
    if overrides or parameters:
        target["override_params"] = {**overrides, **parameters}
    return target


def _parameter(word: str, value: Any) -> Any:
    """Return a parameter of the body as the first endpoint that accepts it, because an engine has no mode."""
    if word == "model":
        return _model(value)
    problem = ""
    for mode in PARAMETERS:
        if is_parameter(mode, word):
            try:
                return coerce(mode, word, value)
            except ValueError as error:
                problem = _without_value(error)
    raise ValueError(problem)


def _model(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected the name of a model")
    return value


def _without_value(error: ValueError) -> str:
    """Return what was expected, without the given value, which may be a key in the wrong place."""
    return str(error).partition(", got ")[0]


def _part(word: str, value: Any) -> Any:
    """Return a part of a target that is not a parameter; an unknown part is forwarded unchanged."""
    if word in _ELSEWHERE:
        raise ValueError(f"cannot be used in a target; {_ELSEWHERE[word]}")
    if word == "weight":
        return _weight(value)
    if word == "override_params":
        if not isinstance(value, dict):
            raise ValueError("expected an object")
        return value
    if word == "api_key":
        # The gateway adds "Bearer" itself.
        return value.removeprefix("Bearer ") if isinstance(value, str) else value
    for section in (GatewayOptions, RoutingOptions):
        if word in section.model_fields and word not in _NESTED:
            return _option(section, word, value)
    near = closest(word, _WORDS - _NESTED, cutoff=0.85)
    if near and word not in _WORDS:
        # With a misspelt custom_host, the key would be sent to the provider itself.
        raise ValueError(f"is unknown; did you mean {near}?")
    return value


def _option(section: type[Options], word: str, value: Any) -> Any:
    try:
        return getattr(section.model_validate({word: value}), word)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "value_error":
            raise ValueError(first["msg"].removeprefix("Value error, ")) from None
        extra: Any = section.model_fields[word].json_schema_extra
        raise ValueError(f"expected {extra['kind']}") from None


def _weight(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError("expected a weight of at least 0")
    return value


def leads_somewhere(targets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether any target of the engine has, or could have, an address of its own."""
    return any(not _PLAIN.issuperset(target) for target in targets.values())


def chosen_targets(value: Any, mode: str) -> list[dict[str, Any]]:
    """Return the targets of the engine that a model or a query chooses.

    Args:
        value: A name, a list of names, or a list of objects with `name`, `weight` and parameters of the
            operation's endpoint.
        mode: The operation.

    Returns:
        Objects with `name` and, where given, `weight` and `override_params`.

    Raises:
        ValueError: The choice is wrong; the message shows no value that could be a key.
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
        if part is None:
            continue
        if word == "weight":
            chosen["weight"] = _weight(part)
        elif word == "model" or is_parameter(mode, word):
            try:
                overrides[word] = _model(part) if word == "model" else coerce(mode, word, part)
            except ValueError as error:
                raise ValueError(f"{word} of a target: {_without_value(error)}") from None
        else:
            known = ["name", "weight", "model", *PARAMETERS.get(mode, ())]
            near = closest(word, known, cutoff=0.75)
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(
                f"{word} cannot be given to a target here: an engine's keys go only where the engine says; "
                f"a target can have name, weight, model and the endpoint's parameters here{hint}"
            )
    if overrides:
        chosen["override_params"] = overrides
    return chosen
