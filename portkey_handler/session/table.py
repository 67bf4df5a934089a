"""Rows on their way through a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from .sql.expressions import unique

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """Rows in Arrow's form.

    Attributes:
        arrow: The rows; names of columns may repeat.
        json: Positions of the columns that hold JSON text.
    """

    arrow: Any
    json: frozenset[int] = frozenset()

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [str(name) for name in self.arrow.column_names]

    def renamed(self, names: Sequence[str]) -> Table:
        """Return the same rows under other names."""
        return Table(self.arrow.rename_columns(list(names)), self.json)

    def distinctly_named(self) -> Table:
        """Return the same rows with `_1`, `_2` … behind names that repeat."""
        return self.renamed(unique(self.names))


#: What a statement gives: rows of a query, a frame of SHOW and DESCRIBE, or nothing.
Result: TypeAlias = "Table | pd.DataFrame | None"


def as_frame(result: Result) -> pd.DataFrame:
    """Return what a statement gave as a frame."""
    import pandas as pd

    from .arrow_frames import to_frame

    nothing: pd.DataFrame = pd.DataFrame()
    return nothing if result is None else to_frame(result) if isinstance(result, Table) else result


def first_rows(result: Result, most: int) -> tuple[list[str], Iterable[tuple[Any, ...]], int]:
    """Return the columns' names, the first rows and the number of all rows, to be shown as text.

    pandas is not imported where the cells are as text what they are in a frame.
    """
    if isinstance(result, Table) and not result.json and all(map(_is_python, result.arrow.schema.types)):
        columns = [column.to_pylist() for column in result.arrow.slice(0, most).columns]
        return unique(result.names), zip(*columns, strict=True), result.arrow.num_rows
    frame = as_frame(result)
    rows = frame.head(most).itertuples(index=False, name=None)
    return [str(name) for name in frame.columns], rows, len(frame)


def _is_python(kind: Any) -> bool:
    """Return whether the values of a column become Python's own, in a frame too."""
    kinds = pa.types
    return any(
        fits(kind)
        for fits in (
            kinds.is_null, kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal,
            kinds.is_string, kinds.is_large_string, kinds.is_nested,
        )
    )  # fmt: skip
