"""Read the USING of one level: check names, validate values, collect all problems.

The value of a secret or of an unknown name is never shown: it may be a key under a misspelt name. What is
read may be sealed (`secret.sealed`); validated keys are sealed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from ..errors import closest
from ..foreign_text import begins_like_a_key
from ..secret import revealed
from . import other_engines
from .catalog import (
    ALIASES,
    HOST_WORDS,
    OPTIONS,
    REFUSED,
    SECTION_OF,
    canonical_name,
    known_names,
)
from .endpoint_parameters import PARAMETERS, coerce
from .engine_config import as_secret, is_key
from .input import MODES
from .parameter_types import LONGEST_WORD_SHOWN, may_be_a_key
from .parameters import is_parameter, is_parameter_of_any_mode
from .routing import calls_an_address
from .schema import LEVEL_WORDS, Level, Option
from .targets import chosen_targets, engine_targets

_LONGEST_VALUE_SHOWN = 60
#: Texts that a language model reads may have anything in them.
_FOR_THE_LANGUAGE_MODEL = frozenset(
    {"body", "messages", "parameters", "prompt_template", "stop", "suffix", "system_prompt", "variables"}
)
_SLUG_EXTRA = frozenset("-_@.")
#: The parts of a body that the operations make.
_OWN_PARTS = {"chat": "messages", "completion": "prompt", "embedding": "input", "prompt": "variables"}
#: Only one option of each group can be given.
ALTERNATIVES = (
    ("column", "prompt_template", "messages", "messages_column"),
    ("max_tokens", "max_completion_tokens"),
)
_BOTH_SAY = ("both say what to ask", "are the same limit")


class Reading:
    """The options of one level, read and validated.

    Args:
        level: The level.
        mode: The mode, which decides the known options and parameters; None for an engine, whose models may
            have any mode.

    Attributes:
        values: Canonical name to validated value, in the order given; of keys, every text is a `Secret`.
        problems: The problems, one sentence each.
        ignored: Names of options that belong to another mode.
    """

    def __init__(self, level: Level, mode: str | None = "chat") -> None:
        self.level = level
        self.mode = mode
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []
        self.ignored: list[str] = []

    def read(self, given: Mapping[str, Any]) -> Reading:
        """Read all given options; return this object."""
        origin: dict[str, str] = {}
        for written, value in given.items():
            lowered = str(written).lower()
            name = canonical_name(lowered, self.level)
            if lowered in HOST_WORDS:
                continue
            if self.level == "engine" and str(written) != lowered and _is_secret(name):
                self.problems.append(
                    f"{lowered} must be written in lower case, because MindsDB hides the value only then"
                )
                continue
            if lowered == "mode" and self.level == "engine" and str(revealed(value)).lower() in MODES:
                self.problems.append(_misplaced(OPTIONS["mode"], "mode", self.level))
                continue
            if name in origin:
                self.problems.append(f"{origin[name]} and {lowered} are the same option; give one of them")
                continue
            origin[name] = lowered
            self._read_one(name, lowered, revealed(value))
        for group, say in zip(ALTERNATIVES, _BOTH_SAY, strict=True):
            both = [name for name in group if self.values.get(name) is not None]
            if len(both) > 1:
                self.problems.append(f"{' and '.join(both)} {say}; give one of them")
        return self

    def _read_one(self, name: str, written: str, value: Any) -> None:
        if name in REFUSED:
            if not _is_in_force_anyway(name, value):
                self.problems.append(f"{written} cannot be used here: {REFUSED[name]}")
        elif name in OPTIONS:
            self._read_option(OPTIONS[name], written, value)
        elif is_parameter(self.mode, name):
            self._read_parameter(name, written, value)
        elif is_parameter_of_any_mode(name) and self.level != "model":
            self.ignored.append(name)
        elif is_parameter_of_any_mode(name):
            self._foreign(written, [mode for mode in MODES if is_parameter(mode, name)])
        else:
            self.problems.append(self._unknown(written))
        if name in self.values and _holds_a_key(name, value):
            del self.values[name]
            self.problems.append(
                f"{written} has what looks like a key in it; a key belongs in CREATE ML_ENGINE … FROM "
                "portkey USING portkey_api_key = … or provider_api_key = …"
            )

    def _read_option(self, entry: Option, written: str, value: Any) -> None:
        if self.level != "environment" and self.level not in entry.levels:
            self.problems.append(_misplaced(entry, written, self.level))
            return
        if not entry.fits(self.mode):
            if self.level == "model":
                self._foreign(written, entry.modes)
            else:
                self.ignored.append(entry.name)
            return
        if self.level in ("model", "query") and (reason := _carries_away(entry.name, value)):
            self.problems.append(reason)
            return
        section = SECTION_OF[entry.name]
        try:
            parsed = section.model_validate({entry.name: value})
            found = getattr(parsed, entry.name)
            if entry.name == "targets" and found is not None:
                found = (
                    engine_targets(found)
                    if self.level == "engine"
                    else chosen_targets(found, self.mode or "chat")
                )
        except ValidationError as error:
            self.problems.append(_wrong(entry, written, value, error))
            return
        except ValueError as error:
            self.problems.append(f"{written}: {error}")
            return
        if (
            self.level in ("model", "query")
            and entry.name in ("input_guardrails", "output_guardrails")
            and calls_an_address(found or [])
        ):
            self.problems.append(
                f"{written} may only name slugs and checks that call no address here, because an engine's "
                "keys go only where the engine says; write CREATE ML_ENGINE … FROM portkey USING "
                f"{written} = …"
            )
            return
        self.values[entry.name] = as_secret(found) if is_key(entry.name, found) else found
        if entry.name == "parameters":
            self._check_raw_parameters(found or {})

    def _foreign(self, written: str, modes: Sequence[str]) -> None:
        *most, last = modes
        named = f"{', '.join(most)} or {last}" if most else last
        self.problems.append(f"{written} belongs to mode {named}; this model's is {self.mode}")

    def _check_raw_parameters(self, parameters: Mapping[str, Any]) -> None:
        own = [_OWN_PARTS.get(mode) for mode in MODES if self.mode in (None, mode)]
        for name, value in parameters.items():
            if name in own:
                self.problems.append(f"parameters.{name} cannot be used here: the prompt comes from the rows")
            elif name in REFUSED and not _is_in_force_anyway(name, value):
                self.problems.append(f"parameters.{name} cannot be used here: {REFUSED[name]}")
        try:
            orjson.dumps(parameters)
        except orjson.JSONEncodeError as error:
            self.problems.append(f"parameters: expected values that JSON can hold ({error})")

    def _read_parameter(self, name: str, written: str, value: Any) -> None:
        if value is None:
            self.values[name] = None
            return
        # An engine has no mode, so the value may be that of any endpoint.
        modes = [mode for mode in PARAMETERS if self.mode in (None, mode) and is_parameter(mode, name)]
        for mode in modes:
            try:
                self.values[name] = coerce(mode, name, value)
                return
            except ValueError as error:
                problem = (
                    f"{written}: {error}" if may_be_a_key(value) else f"{written} = {_shown(value)}: {error}"
                )
        self.problems.append(problem)

    def _unknown(self, written: str) -> str:
        names = known_names(self.level, self.mode)
        if (instead := other_engines.WORDS.get(written)) is not None:
            return f"{written} is not an option of {LEVEL_WORDS[self.level]}; {instead}"
        close = closest(written, [*names, *ALIASES], cutoff=0.75)
        instead = other_engines.instead_of(written)
        hint = f"; did you mean {close}?" if close else f"; {instead}" if instead else ""
        return f"{written} is not an option of {LEVEL_WORDS[self.level]}{hint}"


def _is_in_force_anyway(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() == ("1" if name == "n" else "false")
    return value is None or (type(value) is int and value == 1 if name == "n" else value is False)


def _holds_a_key(name: str, value: Any) -> bool:
    """Return whether a value that goes into addresses, headers, logs and records has a key in it."""
    if name in _FOR_THE_LANGUAGE_MODEL or _is_secret(name):
        return False
    return (name in OPTIONS or isinstance(value, str)) and begins_like_a_key(str(value))


def _misplaced(entry: Option, written: str, level: Level) -> str:
    if entry.levels == ("engine",):
        reason = (
            "an engine's keys go only where the engine says"
            if entry.section == "gateway"
            else "it is an option of the engine"
        )
        return (
            f"{written} cannot be given in {LEVEL_WORDS[level]}: {reason}; "
            f"write CREATE ML_ENGINE … FROM portkey USING {written} = …"
        )
    places = " or ".join(LEVEL_WORDS[place] for place in entry.levels)
    return f"{written} cannot be given in {LEVEL_WORDS[level]}; it belongs to {places}"


def _is_secret(name: str) -> bool:
    return name in OPTIONS and OPTIONS[name].secret


def _carries_away(name: str, value: Any) -> str | None:
    """Return why an option of a model or query could send a key elsewhere, or None where it cannot."""
    if name not in ("config", "virtual_key", "provider") or value is None:
        return None
    if isinstance(value, str) and value and all(c.isalnum() or c in _SLUG_EXTRA for c in value):
        return None
    what = "a slug here, not an object" if name == "config" else "a plain name here"
    return (
        f"{name} must be {what}, because an engine's keys go only where the engine says; "
        f"write CREATE ML_ENGINE … FROM portkey USING {name} = …"
    )


def _wrong(entry: Option, written: str, value: Any, error: ValidationError) -> str:
    if entry.name == "mode" and (instead := other_engines.MODES.get(str(value).lower())) is not None:
        return f"{written} = {_shown(value)} is not a mode here; {instead}"
    first = error.errors(include_url=False, include_input=False, include_context=True)[0]
    message = first["msg"].removeprefix("Value error, ")
    expected = message if first["type"] == "value_error" else _expected(entry, first)
    # An object or an address may contain a key.
    may_hold_key = entry.kind in ("object", "list") or any(sign in str(value) for sign in "@?#")
    too_long = entry.kind != "text" and len(str(value)) > LONGEST_WORD_SHOWN
    if entry.secret or may_hold_key or too_long or may_be_a_key(value):
        return f"{written}: {expected}"
    return f"{written} = {_shown(value)}: {expected}"


def _expected(entry: Option, first: Any) -> str:
    context = first.get("ctx") or {}
    bounds = [
        f"{words} {context[key]:g}"
        for key, words in (("ge", "of at least"), ("gt", "above"), ("le", "of at most"), ("lt", "below"))
        if key in context
    ]
    if first["type"] == "string_too_short":
        return "expected a text that is not empty"
    if "expected" in context:
        return f"expected {context['expected']}"
    article = "an" if entry.kind[0] in "aeiou" else "a"
    kind = entry.kind if entry.kind == "true or false" else f"{article} {entry.kind}"
    return " ".join([f"expected {kind}", *bounds])


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE_SHOWN else text[: _LONGEST_VALUE_SHOWN - 1] + "…"
