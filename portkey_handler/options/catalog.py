"""Every option by its name, the aliases, and the words of USING that belong to MindsDB."""

from __future__ import annotations

from collections.abc import Mapping

from .endpoint_parameters import PARAMETERS
from .execution import ExecutionOptions
from .gateway import GatewayOptions
from .generation import GenerationOptions
from .input import InputOptions
from .output import OutputOptions
from .routing import RoutingOptions
from .schema import Level, Option, Options, described

SECTIONS: tuple[type[Options], ...] = (
    GatewayOptions,
    RoutingOptions,
    InputOptions,
    GenerationOptions,
    ExecutionOptions,
    OutputOptions,
)

#: The options that decide where requests go and what the gateway does with them; an engine's may hold keys.
GATEWAY_SECTIONS: frozenset[type[Options]] = frozenset({GatewayOptions, RoutingOptions})

SECTION_OF: Mapping[str, type[Options]] = {
    name: section for section in SECTIONS for name in section.model_fields
}

OPTIONS: Mapping[str, Option] = {entry.name: entry for section in SECTIONS for entry in described(section)}

#: Names of options in other Portkey integrations.
ALIASES: Mapping[str, str] = {
    "api_key": "portkey_api_key",
    "gateway_url": "base_url",
    "authorization": "provider_api_key",
    "stop_sequences": "stop",
    "other_parameters": "parameters",
}

#: Names of options in Portkey's SDK of 2023; accepted in CREATE ML_ENGINE, where they are not ambiguous.
ENGINE_ALIASES: Mapping[str, str] = {
    "cache_age": "cache_max_age",
    "cache_status": "cache",
    "llms": "targets",
    "mode": "strategy",
}

#: Words of USING that MindsDB reads itself.
HOST_WORDS: frozenset[str] = frozenset(
    {
        "active",
        "batch_size",
        "engine",
        "error",
        "join_learn_process",
        "partition_size",
        "tag",
        "threads",
        "track_column",
    }
)

#: Parameters that are refused because they would change the shape of an answer, with the alternative.
REFUSED: Mapping[str, str] = {
    "stream": "rows are answered whole; leave it out",
    "n": "a row has one answer; repeat the row and set deduplicate = false to ask it several times",
}


def canonical_name(written: str, level: Level) -> str:
    """Return the option that a name or an alias means at a level."""
    lowered = written.lower()
    if level == "engine" and lowered in ENGINE_ALIASES:
        return ENGINE_ALIASES[lowered]
    return ALIASES.get(lowered, lowered)


def secret_option_names() -> frozenset[str]:
    """Return the names of secret options, aliases included."""
    names = {name for name, entry in OPTIONS.items() if entry.secret}
    aliases = {**ALIASES, **ENGINE_ALIASES}
    return frozenset(names | {alias for alias, name in aliases.items() if name in names})


def known_names(level: str, mode: str | None) -> list[str]:
    """Return every name that is accepted at a level for a model of a mode, sorted."""
    names = {name for name, entry in OPTIONS.items() if level in entry.levels and entry.fits(mode)}
    return sorted(names | set(PARAMETERS.get(mode or "chat", {})))
