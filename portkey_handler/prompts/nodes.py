"""The parts of a compiled prompt template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import InputError
from .plain_values import to_plain

#: A compiled expression: row → value.
Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Literal:
    """A text of the template itself."""

    text: str


@dataclass(frozen=True)
class Lookup:
    """A column of the row; calling it returns its plain value."""

    name: str
    optional: bool

    def cell(self, values: Mapping[str, Any]) -> Any:
        """Return the cell unchanged."""
        try:
            return values[self.name]
        except KeyError:
            if self.optional:
                return None
            raise InputError(f"there is no column {self.name!r} in the row") from None

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Return the cell for comparisons and filters."""
        return to_plain(self.cell(values))


@dataclass(frozen=True)
class Show:
    """``{{ … }}``."""

    value: Evaluate


@dataclass(frozen=True)
class Condition:
    """``{% if %}`` with its branches: the first whose test is true is written."""

    branches: Sequence[tuple[Evaluate, Sequence[Piece]]]
    otherwise: Sequence[Piece]


Piece: TypeAlias = "Literal | Show | Condition"
