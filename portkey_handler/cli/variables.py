"""Values from outside of the statements: --var and --env-file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

#: What Python's JSON takes for numbers.
_NOT_JSON = ("NaN", "Infinity", "-Infinity")
_NAME = re.compile(r"[A-Za-z_]\w*")


def parameters_of(given: Sequence[str] | None) -> dict[str, Any] | None:
    """Return the values of `$name` from `name=value`: numbers, true, false and null, else texts.

    Raises:
        typer.BadParameter: One has no name.
    """
    if not given:
        return None
    found: dict[str, Any] = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign or not _NAME.fullmatch(name):
            raise typer.BadParameter("write NAME=VALUE, such as --var language=French", param_hint="--var")
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    """Return a JSON number, true, false, null or text in double quotes; any other text as it is."""
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
        if not isinstance(value, (dict, list)) and text.strip() not in _NOT_JSON:
            return value
    return text


def read_env_file(path: Path) -> None:
    """Put the variables of a file into the environment; those that are set already stay.

    Raises:
        typer.BadParameter: The file cannot be read, or a line of it is not `NAME=VALUE`.
    """
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        why = f": {error.strerror}" if isinstance(error, OSError) else " as UTF-8"
        raise typer.BadParameter(f"{path} cannot be read{why}", param_hint="--env-file") from None
    values: dict[str, str] = {}
    for binding in bindings:
        is_no_name = binding.key is not None and (not binding.key or "=" in binding.key)
        if binding.error or is_no_name or "\0" in binding.original.string:
            # Not the line itself, which may hold a key.
            where = f"{path}, line {binding.original.line}"
            raise typer.BadParameter(f"{where}: write NAME=VALUE", param_hint="--env-file")
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    for name, value in values.items():
        os.environ.setdefault(name, value)
