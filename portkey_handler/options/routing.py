"""Routing options: the engine's targets that the gateway uses, its retries, its cache, its guardrails.

The engine defines its targets, with keys and addresses. Models and queries choose targets only by name.
`portkey_handler.gateway.config_object` makes the gateway's config object of these options.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from .schema import JsonOrText, Options, WholeNumber, no_boolean, option, parsed

StatusCodes = list[Annotated[int, BeforeValidator(no_boolean), Field(ge=100, le=599)]]

#: Checks of the gateway that read only a text or the request, and send nothing.
HARMLESS_CHECKS = frozenset(
    {
        "addPrefix",
        "alllowercase",
        "allowedRequestTypes",
        "alluppercase",
        "characterCount",
        "contains",
        "containsCode",
        "endsWith",
        "jsonKeys",
        "jsonSchema",
        "modelRules",
        "modelWhitelist",
        "modelwhitelist",
        "notNull",
        "regexMatch",
        "regexReplace",
        "requiredMetadataKeys",
        "sentenceCount",
        "wordCount",
    }
)
#: Words of a guardrail that are not checks.
_GUARDRAIL_WORDS = frozenset({"id", "deny", "async", "on_success", "on_fail"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Strategy(_Strict):
    """How the gateway chooses among targets."""

    mode: Literal["single", "fallback", "loadbalance"]
    on_status_codes: StatusCodes | None = None


class Retry(_Strict):
    """How often the gateway itself sends a request, within one attempt of this package."""

    attempts: Annotated[int, BeforeValidator(no_boolean), Field(ge=0, le=5)]
    on_status_codes: StatusCodes | None = None
    use_retry_after_header: bool | None = None


class Cache(_Strict):
    """Whether the gateway answers from its cache."""

    mode: Literal["simple", "semantic"]
    max_age: Annotated[int, BeforeValidator(no_boolean), Field(ge=0)] | None = None


def _strategy(value: Any) -> Any:
    read = _with_mode(value)
    if isinstance(read, dict) and read.get("mode") == "conditional":
        raise ValueError(
            "conditional routing is written as a config; save it at Portkey and give its slug, or write "
            'CREATE ML_ENGINE … FROM portkey USING config = {"strategy": {"mode": "conditional", …}, …}'
        )
    return _read(
        Strategy,
        read,
        "expected 'fallback', 'loadbalance' or 'single', or an object such as "
        '{"mode": "fallback", "on_status_codes": [429, 503]}',
    )


def _retry(value: Any) -> Any:
    read = parsed(value)
    if isinstance(read, str) and read.strip().isdecimal():
        read = int(read)
    return _read(
        Retry,
        read if isinstance(read, dict) or read is None else {"attempts": read},
        "expected a whole number from 0 to 5, or an object such as "
        '{"attempts": 3, "on_status_codes": [429, 503]}',
    )


def _cache(value: Any) -> Any:
    return _read(
        Cache,
        _with_mode(value),
        'expected \'simple\' or \'semantic\', or an object such as {"mode": "simple", "max_age": 3600}',
    )


def _with_mode(value: Any) -> Any:
    read = parsed(value)
    if isinstance(read, str):
        return {"mode": read.strip().lower()}
    if isinstance(read, dict) and isinstance(read.get("mode"), str):
        return {**read, "mode": read["mode"].strip().lower()}
    return read


def _read(model: type[BaseModel], value: Any, expected: str) -> Any:
    """Read a number, a word or an object as one of the classes above; the error says what is expected."""
    if value is None:
        return None
    try:
        return model.model_validate(value)
    except ValidationError:
        raise ValueError(expected) from None


def _given(model: BaseModel | None) -> dict[str, Any] | None:
    return None if model is None else model.model_dump(exclude_none=True)


class RoutingOptions(Options):
    """What the gateway does with a request."""

    targets: JsonOrText | None = option(
        "In CREATE ML_ENGINE: an object of targets by name, each with its provider, its key (api_key or "
        "virtual_key) and its other options. In CREATE MODEL and SELECT: a list of those names, or of "
        "objects with name, weight and parameters of that target.",
        kind="object or list",
        secret=True,
        destination=True,
    )
    strategy: Annotated[Strategy, BeforeValidator(_strategy)] | None = option(
        "How the gateway chooses among targets: fallback (the next one when one fails) or loadbalance (by "
        "weight), or an object with mode and on_status_codes.",
        kind="fallback, loadbalance or single",
    )
    retry: Annotated[Retry, BeforeValidator(_retry)] | None = option(
        "How often the gateway itself retries, 0 to 5, or an object with attempts, on_status_codes and "
        "use_retry_after_header.",
        kind="whole number from 0 to 5, or object",
    )
    cache: Annotated[Cache, BeforeValidator(_cache)] | None = option(
        "Use the gateway's cache: simple (for equal requests) or semantic (for similar ones).",
        kind="simple or semantic",
    )
    cache_max_age: WholeNumber | None = option(
        "Seconds for which the gateway keeps an answer in its cache.", kind="whole number", ge=0
    )
    input_guardrails: JsonOrText | None = option(
        "Guardrails for the request: a list of slugs, or of objects with checks of the gateway.",
        kind="list",
        secret=True,
        destination=True,
    )
    output_guardrails: JsonOrText | None = option(
        "Guardrails for the answer: a list of slugs, or of objects with checks of the gateway.",
        kind="list",
        secret=True,
        destination=True,
    )

    @field_validator("strategy", "retry", "cache", mode="after")
    @classmethod
    def _as_object(cls, value: BaseModel | None) -> Any:
        return _given(value)

    @field_validator("input_guardrails", "output_guardrails")
    @classmethod
    def _are_guardrails(cls, value: Any) -> Any:
        if value is None:
            return None
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, (str, dict)) for one in listed):
            raise ValueError("expected a list of slugs or of objects")
        if len({type(one) for one in listed}) > 1:
            raise ValueError("expected a list of slugs, or of objects, not of both")
        for guardrail in listed:
            if isinstance(guardrail, dict):
                _check_guardrail(guardrail)
        return listed


def _check_guardrail(guardrail: dict[str, Any]) -> None:
    """Raise an error for a part that the gateway would ignore, or would read as its opposite."""
    if "checks" in guardrail:
        raise ValueError(
            'expected checks by their names, such as {"default.contains": {…}}: the gateway ignores a list '
            "of them under checks"
        )
    for word in ("deny", "async"):
        # The gateway reads every text as true, "false" too.
        if not isinstance(guardrail.get(word, False), bool):
            raise ValueError(f"expected true or false, not a text, for {word}")


#: The options that become a config object, and that cannot be given together with one.
CONFIG_WORDS: tuple[str, ...] = (
    "targets",
    "strategy",
    "retry",
    "cache",
    "cache_max_age",
    "input_guardrails",
    "output_guardrails",
)


def calls_an_address(guardrails: list[Any]) -> bool:
    """Return whether guardrails could send the request, with its keys, to an address."""
    return any(isinstance(one, dict) and not _is_harmless(one) for one in guardrails)


def _is_harmless(guardrail: dict[str, Any]) -> bool:
    """Return whether a guardrail has only harmless checks, by their names: `{"default.contains": {…}}`."""
    return all(
        word in _GUARDRAIL_WORDS or (_is_check(word) and _stays_itself(parameters))
        for word, parameters in guardrail.items()
    )


def _stays_itself(parameters: Any) -> bool:
    """Return whether a check runs under its own name: the gateway prefers an `id` among its parameters."""
    return isinstance(parameters, dict) and ("id" not in parameters or _is_check(parameters["id"]))


def _is_check(name: Any) -> bool:
    return isinstance(name, str) and name.removeprefix("default.") in HARMLESS_CHECKS
