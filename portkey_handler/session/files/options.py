"""What a user says about a table of files: its encoding, its delimiter, the types of its columns, its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import StatementError, did_you_mean
from .csv_text import check_encoding
from .csv_types import SAID

NAMES = ("encoding", "delimiter", "types", "key")


@dataclass(frozen=True)
class FileOptions:
    """The options of a table.

    Attributes:
        name: The table.
        encoding: Python's name of the encoding; None: UTF-8, unless the file has a mark.
        key: The columns that tell its rows apart.
        other: The encoding of a file that has no mark and is not UTF-8, where `encoding` is None.
        delimiter: The sign between cells; None: found in the header.
        types: Types by the lower-case name of a column.
    """

    name: str
    encoding: str | None = None
    delimiter: str | None = None
    types: tuple[tuple[str, str], ...] = ()
    other: str | None = None
    key: tuple[str, ...] = ()


def options_of(name: str, said: Mapping[str, Any], of_all: Mapping[str, Any]) -> FileOptions:
    """Return the options of a table, from what was said about it and about every table.

    An encoding for every table is meant for those that are not UTF-8.
    """
    encoding, other = said.get("encoding"), of_all.get("encoding")
    said = {**of_all, **said}
    types = tuple(sorted((column.lower(), kind) for column, kind in (said.get("types") or {}).items()))
    key = tuple(said.get("key") or ())
    return FileOptions(name, encoding, said.get("delimiter"), types, None if encoding else other, key)


def checked(table: str, option: str, value: Any) -> Any:
    """Return the value of an option in its usual form; None takes the option back.

    Raises:
        StatementError: There is no such option, or the value does not fit.
    """
    where = f"files.{table}.{option}"
    if option not in NAMES:
        raise StatementError(
            f"{where} is no option of a file{did_you_mean(option, NAMES)}; there are: {', '.join(NAMES)}"
        )
    if value is None or value == "":
        return None
    if option == "types":
        return _types(where, value)
    if not isinstance(value, str):
        raise StatementError(f"{where} is a text, not {type(value).__name__}")
    if option == "key":
        return [name.strip().strip("`") for name in value.split(",") if name.strip()]
    if option == "encoding":
        return check_encoding(value)
    delimiter = value.replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\\':
        raise StatementError(f"{where} is one sign, such as ';' or '\\t', not {value!r}")
    return delimiter


def _types(where: str, value: Any) -> dict[str, str]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise StatementError(f'{where} is JSON such as \'{{"id": "text"}}\' ({error.msg})') from None
    if not isinstance(found, Mapping) or not all(isinstance(kind, str) for kind in found.values()):
        raise StatementError(f'{where} is an object of column names and types, such as \'{{"id": "text"}}\'')
    for column, kind in found.items():
        if kind.lower() not in SAID:
            raise StatementError(
                f"{where}: the type {kind!r} of {column} is not known; known are: {', '.join(SAID)}"
            )
    return {str(column): kind.lower() for column, kind in found.items()}


def all_checked(said: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, Any]]:
    """Return options of tables in their usual form, by the lower-case name of the table.

    Raises:
        StatementError: See `checked`.
    """
    return {
        table.lower(): {option: checked(table, option, value) for option, value in options.items()}
        for table, options in (said or {}).items()
    }
