"""The key of a table of files: the columns that tell its rows apart, for INSERT OR IGNORE and OR REPLACE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...errors import StatementError, did_you_mean
from ...prompts.cell_text import to_text

if TYPE_CHECKING:
    from ..table import Table


@dataclass(frozen=True)
class Conflict:
    """What is done with a row whose key is there.

    Attributes:
        what: "ignore": the row that is there stays; "replace": the new one comes in its place.
        key: The names of the key's columns.
    """

    what: str
    key: Sequence[str]

    def check(self, name: str, known: Sequence[str], given: Sequence[str] | None) -> None:
        """Check that the columns of the key are there, and are filled.

        Raises:
            StatementError: One is not.
        """
        for column in self.key:
            if column.lower() not in {one.lower() for one in known}:
                raise StatementError(
                    f"the key of files.{name} names {column}, which is no column"
                    f"{did_you_mean(column, list(known))}"
                )
            if given is not None and column.lower() not in {one.lower() for one in given}:
                raise StatementError(f"INSERT OR {self.what.upper()} needs the key: insert {column}, too")


@dataclass(frozen=True)
class Inserted:
    """What an INSERT has done.

    Attributes:
        rows: How many rows were written.
        there: How many rows had a key that was there: they were left out, or have replaced one.
    """

    rows: int
    there: int = 0


def of_table(name: str, what: str | None, key: Sequence[str]) -> Conflict | None:
    """Return what INSERT OR … does; None for an INSERT without OR.

    Raises:
        StatementError: The table has no key.
    """
    if what is None:
        return None
    if not key:
        raise StatementError(
            f"INSERT OR {what.upper()} needs a key, the columns that tell rows apart: "
            f"SET files.{name}.key = 'id', or INSERT OR {what.upper()} INTO files.{name} BY (id) …"
        )
    return Conflict(what, key)


def new_rows(rows: Table, columns: Sequence[str] | None, old: Table, key: Sequence[str]) -> list[int]:
    """Return the places of the rows whose key is not there; of equal new ones, the first."""
    seen = set(_keys(old, old.names, key))
    places = []
    for place, found in enumerate(_keys(rows, columns or rows.names, key)):
        if found not in seen:
            seen.add(found)
            places.append(place)
    return places


def replaced(rows: Table, columns: Sequence[str] | None, old: Table, key: Sequence[str]) -> tuple[
    list[int], list[int]
]:  # fmt: skip
    """Return the places of the old rows that stay, and of the new ones; of equal new ones, the last."""
    last = {found: place for place, found in enumerate(_keys(rows, columns or rows.names, key))}
    kept = [place for place, found in enumerate(_keys(old, old.names, key)) if found not in last]
    return kept, sorted(last.values())


def _keys(rows: Table, names: Sequence[str], key: Sequence[str]) -> list[tuple[str | None, ...]]:
    lowered = [name.lower() for name in names]
    cells = [rows.arrow.column(lowered.index(column.lower())).to_pylist() for column in key]
    return list(zip(*([_text(cell) for cell in column] for column in cells), strict=True))


def _text(cell: Any) -> str | None:
    """Return a value as text in which equal numbers are equal: 1, 1.0 and '1'."""
    if cell is None:
        return None
    if isinstance(cell, (float, Decimal)):
        number = Decimal(str(cell))
        return f"{number.normalize():f}" if number.is_finite() else str(cell)
    return cell if isinstance(cell, str) else to_text(cell)
