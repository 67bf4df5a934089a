"""How options are described, and how their values are read.

An option class is a pydantic model whose fields are the options. Validation, DESCRIBE, the CLI's help, the
tables in the documentation and the files that MindsDB reads all follow from these fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .durations import as_duration
from .json_text import JsonText

Level = Literal["environment", "engine", "model", "query"]

#: From weakest to strongest: a later level beats an earlier one.
LEVELS: tuple[Level, ...] = ("environment", "engine", "model", "query")

#: Each level as it is written in SQL.
LEVEL_WORDS: dict[Level, str] = {
    "environment": "the environment",
    "engine": "CREATE ML_ENGINE … USING",
    "model": "CREATE MODEL … USING",
    "query": "SELECT … USING",
}


class Options(BaseModel):
    """The base of the option classes: every field is optional, and an unset field is not None."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=())


@dataclass(frozen=True, slots=True)
class Option:
    """The description of an option.

    Attributes:
        name: The canonical name.
        words: Its meaning, for users.
        kind: Its type, for users ("whole number", "text" …).
        default: The value where none is given, or None.
        levels: The levels at which it may be given.
        secret: Its value is never shown.
        destination: It decides where requests go, and the engine's keys with them.
        modes: The modes to which it belongs; empty for all of them.
        section: Its option class, in lower case ("gateway" …).
    """

    name: str
    words: str
    kind: str
    default: Any
    levels: tuple[Level, ...]
    secret: bool
    destination: bool
    modes: tuple[str, ...]
    section: str

    def fits(self, mode: str | None) -> bool:
        """Return whether it belongs to a mode; without a mode, as for an engine, every option does."""
        return mode is None or not self.modes or mode in self.modes


def option(
    words: str,
    *,
    kind: str = "text",
    default: Any = None,
    levels: tuple[Level, ...] = ("engine", "model", "query"),
    secret: bool = False,
    destination: bool = False,
    modes: tuple[str, ...] = (),
    **constraints: Any,
) -> Any:
    """Describe one option as a pydantic field.

    Args:
        words: Its meaning, in one sentence for the documentation.
        kind: Its type in plain words.
        default: The value where none is given.
        levels: The levels at which it may be given.
        secret: Its value is never shown.
        destination: It decides where requests go.
        modes: The modes to which it belongs; empty for all of them.
        constraints: Further arguments of `pydantic.Field`, such as `ge`.
    """
    return Field(
        default=default,
        description=words,
        repr=not secret,
        json_schema_extra={
            "kind": kind,
            "levels": list(levels),
            "secret": secret,
            "destination": destination,
            "modes": list(modes),
        },
        **constraints,
    )


def described(section: type[Options]) -> Iterator[Option]:
    """Return the description of each option of a class, in the order of its fields."""
    for name, field in section.model_fields.items():
        extra: Any = field.json_schema_extra
        yield Option(
            name=name,
            words=field.description or "",
            kind=extra["kind"],
            default=field.default,
            levels=tuple(extra["levels"]),
            secret=extra["secret"],
            destination=extra["destination"],
            modes=tuple(extra["modes"]),
            section=section.__name__.removesuffix("Options").lower(),
        )


def no_boolean(value: Any) -> Any:
    """Raise an error for a boolean where a number is expected."""
    if isinstance(value, bool):
        # pydantic would read true as 1
        raise PydanticCustomError("boolean", "a boolean is not a number")
    return value


def parsed(value: Any) -> Any:
    """Return an object or list that was written as JSON text; any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            # Not strict: strings in SQL may have line breaks.
            return json.loads(value, strict=False, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON ({error.msg.lower()}, at character {error.pos + 1})") from None
        except RecursionError:
            raise ValueError("not valid JSON (nested too deeply)") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"not valid JSON ({name} is not a JSON number)")


def _as_text(value: Any, expected: str, fits: Callable[[Any], bool]) -> Any:
    if value is None:
        return None
    read = parsed(value)
    if not fits(read):
        raise ValueError(f"expected {expected}")
    try:
        return JsonText(json.dumps(read, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected values that JSON can hold ({error})") from None


def _object_text(value: Any) -> Any:
    return _as_text(value, "an object", lambda read: isinstance(read, dict))


def _objects_text(value: Any) -> Any:
    return _as_text(value, "a list of objects", lambda read: _is_list_of(read, dict))


def _object_or_names_text(value: Any) -> Any:
    return _as_text(
        value, "an object or a list of names", lambda read: isinstance(read, dict) or _is_list_of(read, str)
    )


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


def _plain_header(value: Any) -> Any:
    """Raise an error for a text that would end a header and start another header."""
    if isinstance(value, str) and any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("has a line break or another control character")
    return value


Duration = Annotated[str, BeforeValidator(as_duration)]
#: At most 64 bits, like integers in a request's body.
WholeNumber = Annotated[int, BeforeValidator(no_boolean), Field(lt=2**63)]
Number = Annotated[float, BeforeValidator(no_boolean)]
Json = Annotated[dict[str, Any], BeforeValidator(parsed)]
HeaderText = Annotated[str, BeforeValidator(_plain_header)]
JsonList = Annotated[list[HeaderText], BeforeValidator(parsed)]
JsonOrText = Annotated[dict[str, Any] | list[Any] | HeaderText, BeforeValidator(parsed)]
#: Stored as text, so that plans can be hashed.
JsonObjectText = Annotated[JsonText, BeforeValidator(_object_text)]
JsonObjectsText = Annotated[JsonText, BeforeValidator(_objects_text)]
JsonObjectOrNamesText = Annotated[JsonText, BeforeValidator(_object_or_names_text)]
JsonNames = Annotated[tuple[HeaderText, ...], BeforeValidator(parsed)]
#: The last validator runs first: JSON over several lines is parsed before line breaks are rejected.
SlugOrJson = Annotated[str | dict[str, Any], BeforeValidator(_plain_header), BeforeValidator(parsed)]
