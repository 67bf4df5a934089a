"""Resolve the options of all levels to a plan and an engine configuration, by their precedence.

SELECT … USING beats CREATE MODEL, which beats CREATE ML_ENGINE, which beats the environment, which beats the
defaults. A key and its address come from the same level: if the engine has an address of its own, the keys of
the environment are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import OptionError
from ..foreign_text import logger_of
from ..secret import MASK, Secret, sealed
from .catalog import GATEWAY_SECTIONS, OPTIONS, SECTION_OF, canonical_name
from .cross_checks import missing, of_output
from .engine_config import EngineConfig, engine_config, is_key
from .execution import ExecutionOptions
from .gateway import GatewayOptions
from .generation import GenerationOptions
from .input import MODES, InputOptions
from .json_text import JsonText
from .names import check_names
from .output import OutputOptions
from .parameters import is_parameter
from .parsing import ALTERNATIVES, Reading
from .plan import Origin, Plan, Resolved
from .schema import LEVEL_WORDS, LEVELS, Level, Options
from .service_tier import FLEX, FLEX_TIMEOUT, tier_of

logger = logger_of(__name__)

_ENVIRONMENT_PREFIX = "PORTKEY_"


def resolve_engine(
    given: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[EngineConfig, ExecutionOptions]:
    """Read and check the arguments of an engine.

    Args:
        given: The arguments of CREATE ML_ENGINE … USING.
        environment: The process's environment.

    Returns:
        The engine configuration, and the execution options in force (`check`, `timeout`).

    Raises:
        OptionError: An option is unknown, misplaced or has a wrong value; the message names all of them.
    """
    given, environment = sealed(given), _from_environment(environment)
    readings = _readings(given, {}, {}, environment, None)
    _raise_problems(readings)
    credentials = _engine(readings)
    return credentials, ExecutionOptions(**_merged(readings, ExecutionOptions))


def resolve(  # a keyword argument for each level, so that callers cannot mix them up
    *,
    target: str,
    engine: Mapping[str, Any],
    model: Mapping[str, Any],
    query: Mapping[str, Any] | None = None,
    environment: Mapping[str, str],
    engine_name: str = "",
    model_name: str = "",
) -> Resolved:
    """Resolve the options of all levels.

    Args:
        target: The column of the answers.
        engine: Arguments of CREATE ML_ENGINE.
        model: Arguments of CREATE MODEL.
        query: Arguments of SELECT … USING.
        environment: The process's environment.
        engine_name: Name of the engine, for messages.
        model_name: Name of the model, for messages.

    Raises:
        OptionError: An option is unknown, misplaced or has a wrong value; the message names all of them.
    """
    engine, environment = sealed(engine), _from_environment(environment)
    readings = _readings(engine, model, query or {}, environment, _mode(model))
    last: Level = "query" if query else "model"
    del model, query  # a key may stand in them, although none belongs there
    check_names(target=target, engine=engine_name, model=model_name)
    credentials = _engine(readings)
    for level in ("model", "query"):
        if "provider" in readings[level].values and credentials.holds_provider_key:
            readings[level].problems.append(
                "provider cannot be given here: the engine holds a provider's key, which goes only to its "
                "own provider; write CREATE ML_ENGINE … FROM portkey USING provider = …"
            )
    _raise_problems(readings)
    for name in readings["query"].ignored:
        logger.info("%s is an option of another mode and was ignored", name)
    asked = InputOptions(**_merged(readings, InputOptions))
    parameters = _parameters(readings, asked.mode)
    # Options that belong together may come from several levels.
    output = OutputOptions(**_merged(readings, OutputOptions))
    problems = missing(asked, parameters) + of_output(output, target, parameters)
    readings[last].problems += problems
    _raise_problems(readings)
    defaults = _defaults(asked, tier_of(asked, parameters))
    plan = Plan(
        target=target,
        input=asked,
        parameters=JsonText.canonical(parameters),
        routing=JsonText.canonical(_routing(readings)),
        execution=ExecutionOptions(**{**defaults, **_merged(readings, ExecutionOptions)}),
        output=output,
        engine=engine_name,
        model=model_name,
    )
    return Resolved(plan, credentials, _origins(readings, credentials, defaults))


def overlay(earlier: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the earlier version, overlaid with those of RETRAIN.

    A new value replaces the earlier one, also under an alias of the option, and the option's alternatives.
    If the mode changes, options that do not belong to the new mode are dropped.
    """
    replaced = {canonical_name(name, "model") for name in given}
    for group in ALTERNATIVES:
        if replaced.intersection(group):
            replaced.update(group)
    stays = {name: value for name, value in earlier.items() if canonical_name(name, "model") not in replaced}
    if "mode" in replaced:
        mode = _mode(given)
        stays = {name: value for name, value in stays.items() if _fits(canonical_name(name, "model"), mode)}
    return {**stays, **given}


def _fits(name: str, mode: str) -> bool:
    return OPTIONS[name].fits(mode) if name in OPTIONS else is_parameter(mode, name)


def _mode(model: Mapping[str, Any]) -> str:
    """Return the mode of a model; a wrong mode is reported when the option itself is read."""
    given = next((value for name, value in model.items() if str(name).lower() == "mode"), None)
    return given if given in MODES else str(OPTIONS["mode"].default)


def _readings(
    engine: Mapping[str, Any],
    model: Mapping[str, Any],
    query: Mapping[str, Any],
    environment: Mapping[str, Any],
    mode: str | None,
) -> dict[Level, Reading]:
    given = {"environment": environment, "engine": engine, "model": model, "query": query}
    return {level: Reading(level, mode).read(given[level]) for level in LEVELS}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the gateway options of the environment, sealed: PORTKEY_<OPTION>, and PORTKEY_API_KEY."""
    given = {}
    for name in GatewayOptions.model_fields:
        word = _ENVIRONMENT_PREFIX + name.removeprefix("portkey_").upper()
        if environment.get(word):
            given[name] = Secret(environment[word])
    return given


def _raise_problems(readings: Mapping[Level, Reading]) -> None:
    found = []
    for level in LEVELS:
        for problem in readings[level].problems:
            where = "" if LEVEL_WORDS[level] in problem else f" (in {LEVEL_WORDS[level]})"
            found.append((level, problem + where))
    if not found:
        return
    lines = ["; ".join(problem for _, problem in found)]
    if any("is not an option of" in problem for _, problem in found):
        level = next(level for level, problem in found if "is not an option of" in problem)
        lines.append(_known(level, readings[level].mode))
    raise OptionError("\n  ".join(lines), problems=[problem for _, problem in found])


def _known(level: Level, mode: str | None) -> str:
    own = sorted(name for name, entry in OPTIONS.items() if level in entry.levels and entry.fits(mode))
    if level == "engine":
        return f"Known here: {', '.join(own)}."
    return (
        f"Known here: {', '.join(own)}, and every parameter that the {mode} endpoint documents (temperature, "
        'top_p, stop …). For other parameters of the provider write parameters = {"name": value}.'
    )


def _engine(readings: Mapping[Level, Reading]) -> EngineConfig:
    return engine_config(_gateway_values(readings["environment"]), _gateway_values(readings["engine"]))


def _gateway_values(reading: Reading) -> dict[str, Any]:
    return {name: value for name, value in reading.values.items() if SECTION_OF.get(name) in GATEWAY_SECTIONS}


def _merged(readings: Mapping[Level, Reading], section: type[Options]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for level in LEVELS:
        values = readings[level].values
        for group in ALTERNATIVES:
            if any(name in values for name in group):
                for name in group:
                    merged.pop(name, None)
        merged.update({name: value for name, value in values.items() if SECTION_OF.get(name) is section})
    return merged


def _parameters(readings: Mapping[Level, Reading], mode: str) -> dict[str, Any]:
    """Return the parameters of the request's body: `parameters`, overlaid with the named options."""
    named = [name for name in ("model", "max_tokens") if OPTIONS[name].fits(mode)]
    # A saved prompt has its own model, and the other endpoints have no default model.
    merged: dict[str, Any] = (
        {name: OPTIONS[name].default for name in named} if mode in ("chat", "completion") else {}
    )
    for level in LEVELS:
        values = readings[level].values
        given = dict(values.get("parameters") or {})
        given.update(
            (name, value) for name, value in values.items() if name in named or name not in SECTION_OF
        )
        for group in ALTERNATIVES:
            if any(name in given for name in group):
                for name in group:
                    merged.pop(name, None)
        merged.update(given)
    return {name: value for name, value in merged.items() if value is not None}


def _routing(readings: Mapping[Level, Reading]) -> dict[str, Any]:
    return {**_gateway_values(readings["model"]), **_gateway_values(readings["query"])}


def _defaults(asked: InputOptions, tier: str | None) -> dict[str, Any]:
    """Return the defaults of execution options that differ from the usual ones for what is asked."""
    own: dict[str, Any] = {}
    if asked.mode == "prompt" and not asked.is_of_one_version:
        own["reuse"] = "never"
    if tier == FLEX:
        own["timeout"] = FLEX_TIMEOUT
    return own


def _origins(
    readings: Mapping[Level, Reading], credentials: EngineConfig, defaults: Mapping[str, Any]
) -> dict[str, Origin]:
    """Return the value of each option and the level that gave it, for DESCRIBE."""
    mode = readings["model"].mode
    origins = {
        name: Origin(entry.default, None)
        for name, entry in OPTIONS.items()
        if entry.default is not None and entry.fits(mode)
    }
    if mode not in ("chat", "completion"):
        for name in GenerationOptions.model_fields:
            origins.pop(name, None)
    origins.update((name, Origin(value, None)) for name, value in defaults.items())
    for level in LEVELS:
        for group in ALTERNATIVES:
            if any(name in readings[level].values for name in group):
                for name in group:
                    origins.pop(name, None)
        for name, value in readings[level].values.items():
            if name in credentials.withheld and level == "environment":
                continue
            secret = name in OPTIONS and is_key(name, value)
            origins[name] = Origin(MASK if secret else value, level)
    return origins
