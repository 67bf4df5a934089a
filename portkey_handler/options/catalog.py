"""Every option there is, found by name; the aliases; the words that hosts keep for themselves."""

from __future__ import annotations

from collections.abc import Mapping

from ..endpoint_parameters import PARAMETERS
from .execution import ExecutionOptions
from .gateway import GatewayOptions
from .generation import GenerationOptions
from .input import InputOptions
from .output import OutputOptions
from .schema import Option, Options, described

SECTIONS: tuple[type[Options], ...] = (
    GatewayOptions,
    InputOptions,
    GenerationOptions,
    ExecutionOptions,
    OutputOptions,
)

SECTION_OF: Mapping[str, type[Options]] = {
    name: section for section in SECTIONS for name in section.model_fields
}

OPTIONS: Mapping[str, Option] = {entry.name: entry for section in SECTIONS for entry in described(section)}

#: Names that other Portkey integrations use.
ALIASES: Mapping[str, str] = {
    "api_key": "portkey_api_key",
    "gateway_url": "base_url",
    "authorization": "provider_api_key",
    "stop_sequences": "stop",
    "other_parameters": "parameters",
}

#: Words of MindsDB that may stand in USING and are not ours.
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

#: Parameters that would change the shape of an answer, with what to do instead.
REFUSED: Mapping[str, str] = {
    "stream": "rows are answered whole; leave it out",
    "n": "a row has one answer; repeat the row and set deduplicate = false to ask it several times",
}


def secret_option_names() -> frozenset[str]:
    """Return the names, aliases included, whose values are never shown."""
    names = {name for name, entry in OPTIONS.items() if entry.secret}
    return frozenset(names | {alias for alias, name in ALIASES.items() if name in names})


def is_parameter(mode: str, name: str) -> bool:
    """Tell whether the endpoint of `mode` documents a parameter of that name."""
    return name in PARAMETERS.get(mode, {})


def is_parameter_of_any_mode(name: str) -> bool:
    """Tell whether any endpoint documents a parameter of that name."""
    return any(name in parameters for parameters in PARAMETERS.values())


def known_names(level: str, mode: str) -> list[str]:
    """Return every name that may be given at `level` to a model of `mode`, sorted."""
    names = {name for name, entry in OPTIONS.items() if level in entry.levels}
    return sorted(names | set(PARAMETERS.get(mode, {})))
