"""A table that DuckDB reads where it is: its columns and its place, as DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FileColumn:
    """A column of a file.

    Attributes:
        name: Its name.
        value: Its value, in DuckDB's SQL.
        text: The cell's own text, where that of the value may differ (1.10, not 1.1).
    """

    name: str
    value: str
    text: str | None = None


@dataclass(frozen=True)
class Relation:
    """A table in files.

    Attributes:
        source: What stands behind FROM.
        columns: Its columns.
        keep: What must live as long as DuckDB may read it.
        zones: Time zones by the lower-case names of columns.
    """

    source: str
    columns: tuple[FileColumn, ...]
    keep: tuple[object, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)

    def expression(self) -> Any:
        """Return the table as an expression in FROM, without an alias."""
        from sqlglot import exp

        from ..own_texts import mark

        shown = [f"{column.value} AS {identifier(column.name)}" for column in self.columns]
        found = exp.Subquery(this=exp.Var(this=f"SELECT {', '.join(shown)} FROM {self.source}"))
        return mark(found, {column.name: column.text for column in self.columns if column.text is not None})


def identifier(name: str) -> str:
    """Return a name as DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a text as DuckDB's SQL."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Sequence[str]) -> str:
    """Return texts as a list in DuckDB's SQL."""
    return f"[{', '.join(map(text, values))}]"
