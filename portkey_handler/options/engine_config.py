"""The options of an engine, with its secrets apart, and the keys of the environment that it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from ..secret import sealed
from .catalog import OPTIONS
from .routing import calls_an_address
from .targets import leads_somewhere

_GUARDRAILS = frozenset({"input_guardrails", "output_guardrails"})
#: Parts of configs and targets whose texts are never keys: the gateway's words and names.
_NO_KEYS = frozenset({"default", "mode", "model", "name", "provider", "then"})


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class EngineConfig:
    """The gateway options of an engine, with its secrets apart.

    It refuses to be pickled and copied, and its repr shows no secret.

    Args:
        options: Canonical option name to value, as validated.
        withheld: Names of secrets in the environment that are not used, because the engine has an address of
            its own.

    Attributes:
        plain: The options whose values may be shown.
        secrets: Keys, and the options that may have a key inside: targets, headers, config objects, and
            guardrails that call an address. Every text in them is a `Secret`; see `as_secret`.
        withheld: Names of secrets in the environment that are not used.
    """

    plain: Mapping[str, Any]
    secrets: Mapping[str, Any]
    withheld: tuple[str, ...]

    def __init__(self, options: Mapping[str, Any], withheld: tuple[str, ...] = ()) -> None:
        secrets = {
            name: as_secret(value)
            for name, value in options.items()
            if name not in OPTIONS or is_key(name, value)
        }
        plain = {name: value for name, value in options.items() if name not in secrets}
        object.__setattr__(self, "plain", MappingProxyType(plain))
        object.__setattr__(self, "secrets", MappingProxyType(secrets))
        object.__setattr__(self, "withheld", withheld)

    @property
    def options(self) -> dict[str, Any]:
        """All options, secrets included."""
        return {**self.plain, **self.secrets}

    def __repr__(self) -> str:
        names = ", ".join(sorted(self.secrets)) or "none"
        return f"EngineConfig({dict(self.plain)!r}; secrets, not shown: {names})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: resolve them from the engine where the work runs")

    @property
    def holds_provider_key(self) -> bool:
        """Whether the engine has a provider's key, which must not go to another provider."""
        return any(
            value and name != "portkey_api_key" and name in OPTIONS and name not in _GUARDRAILS
            for name, value in self.secrets.items()
        )


def as_secret(value: Any) -> Any:
    """Return a value that may have keys inside, with its texts as secrets, but for words that are no keys."""
    return sealed(value, _NO_KEYS)


def is_key(name: str, value: Any) -> bool:
    """Return whether the value of a gateway option is a key, or may have one inside.

    A slug, names of targets, and guardrails that call no address have no key inside.
    """
    if name == "config":
        return not isinstance(value, str)
    if name in _GUARDRAILS:
        return value is not None and calls_an_address(value)
    return OPTIONS[name].secret and not (name == "targets" and isinstance(value, list))


def engine_config(environment: Mapping[str, Any], engine: Mapping[str, Any]) -> EngineConfig:
    """Join the environment's gateway options with the engine's, so that no key is sent to a foreign address.

    Args:
        environment: Options of the environment, as validated.
        engine: Options of CREATE ML_ENGINE, as validated; they beat the environment's.
    """
    environment = dict(environment)
    names_address = any(_is_address(name, value) for name, value in engine.items() if value is not None)
    withheld = []
    for name in list(environment):
        provider_changed = "provider" in engine and name != "portkey_api_key"
        if is_key(name, environment[name]) and name not in engine and (names_address or provider_changed):
            withheld.append(name)
            del environment[name]
    return EngineConfig({**environment, **engine}, withheld=tuple(withheld))


def _is_address(name: str, value: Any) -> bool:
    # A slug names a config in the account of the key, and means nothing in another account.
    if name == "targets":
        return leads_somewhere(value)
    if name in _GUARDRAILS:
        return calls_an_address(value)
    return OPTIONS[name].destination and not (name == "config" and isinstance(value, str))
