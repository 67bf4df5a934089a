"""How a person finds a row again: by its number, or by what it has in a column that tells rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

_LONGEST_VALUE = 64


@dataclass(frozen=True, slots=True)
class RowNames:
    """What the rows of a query are called.

    Attributes:
        first: The number of the first one, from which they are counted.
        column: The name of a column that tells them apart; empty where none is known.
        values: What they have in it.
    """

    first: int = 0
    column: str = ""
    values: Sequence[Any] = ()

    def of(self, row: int) -> int | str:
        """Give the name of a row: `id = 1057` where a column tells rows apart, else the number.

        A longer text, or one with blanks, is rather what is asked than what tells rows apart: it is not said.
        """
        if self.column:
            value = self.values[row]
            said = value.isoformat() if hasattr(value, "isoformat") else str(value)
            if len(said) <= _LONGEST_VALUE and not any(map(str.isspace, said)):
                quoted = "'{}'".format(said.replace("'", "''"))
                return f"{self.column} = {said if isinstance(value, Number) else quoted}"
        return self.first + row
