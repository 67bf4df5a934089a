"""Rows inside a session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from .done import Done
from .sql.expressions import unique

if TYPE_CHECKING:
    import pandas as pd

    from ..usage.estimate.estimator import Estimate


#: Before the reason in place of a cell that has no text; a character that no text may have.
MARK = "\ufdd0"


@dataclass(frozen=True)
class Table:
    """Rows as an Arrow table.

    Attributes:
        arrow: The rows; column names may repeat.
        json: Positions of the columns that hold JSON text.
        texts: The own texts of the cells of columns whose values may lose them, by position.
        from_file: Whether some rows are of a file, so that a frame shows decimals as floats.
        estimates: What its queries would cost, where they were dry runs.
    """

    arrow: Any
    json: frozenset[int] = frozenset()
    texts: Mapping[int, Any] = field(default_factory=dict)
    from_file: bool = False
    estimates: Sequence[Estimate] = ()

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [str(name) for name in self.arrow.column_names]

    def renamed(self, names: Sequence[str]) -> Table:
        """Return the same rows under other names."""
        return replace(self, arrow=self.arrow.rename_columns(list(names)))

    def taken(self, rows: Sequence[int]) -> Table:
        """Return the rows at some places."""
        places = pa.array(rows, pa.int64())
        texts = {position: column.take(places) for position, column in self.texts.items()}
        return replace(self, arrow=self.arrow.take(places), texts=texts)

    def with_constants(self, values: Sequence[tuple[str, str | int | None]]) -> Table:
        """Return the rows with columns of one value each, for names that are not there yet."""
        arrow = self.arrow
        for name, value in values:
            if name.lower() not in {known.lower() for known in self.names}:
                arrow = arrow.append_column(name, pa.array([value] * arrow.num_rows))
        return Table(arrow, self.json, self.texts)

    def distinctly_named(self) -> Table:
        """Return the same rows with `_1`, `_2` … added to repeated names."""
        return self.renamed(unique(self.names))


#: The result of a statement: the rows of a query, the frame of SHOW and DESCRIBE, or what was done.
Result: TypeAlias = "Table | pd.DataFrame | Done"


def row_count(result: Table | pd.DataFrame) -> int:
    """Return the number of rows of a result."""
    return int(result.arrow.num_rows) if isinstance(result, Table) else len(result)


def as_frame(result: Result) -> pd.DataFrame:
    """Return the result of a statement as a frame, which is empty where there are no rows."""
    from ..usage.spoken_frame import done, estimated

    if isinstance(result, Done):
        return done(result.words)
    if not isinstance(result, Table):
        return result
    from .result_frames import to_frame

    return estimated(to_frame(result), result.estimates)


def first_rows(result: Result, most: int) -> tuple[list[str], Iterable[tuple[Any, ...]], int]:
    """Return the column names, the first rows and the number of all rows, for showing them as text.

    pandas is not imported where the cells look the same with and without it.
    """
    if isinstance(result, Table) and not result.json and all(map(_is_python, result.arrow.schema.types)):
        # Values that Python does not have, such as a list with the date infinity, are written as in a frame.
        with suppress(ValueError, OverflowError):
            columns = [column.to_pylist() for column in result.arrow.slice(0, most).columns]
            return unique(result.names), zip(*columns, strict=True), result.arrow.num_rows
    frame = as_frame(result)
    rows = frame.head(most).itertuples(index=False, name=None)
    return [str(name) for name in frame.columns], rows, len(frame)


def _is_python(kind: Any) -> bool:
    """Return whether the values of a column are Python's own types, in a frame too."""
    kinds = pa.types
    return any(
        fits(kind)
        for fits in (
            kinds.is_null, kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal,
            kinds.is_string, kinds.is_large_string, kinds.is_nested,
        )
    )  # fmt: skip


def appended_by_name(tables: Sequence[Table]) -> Table:
    """Return the rows of tables one after the other; a column that a table lacks is NULL there."""
    names = list(dict.fromkeys(name for table in tables for name in table.names))
    as_json = {name for table in tables for place, name in enumerate(table.names) if place in table.json}
    parts = []
    for table in tables:
        columns = dict(zip(table.names, table.arrow.columns, strict=True))
        for place, name in enumerate(table.names):
            if name in as_json and place not in table.json:
                written = [
                    None if cell is None else json.dumps(cell, default=str)
                    for cell in columns[name].to_pylist()
                ]
                columns[name] = pa.array(written, pa.string())
        parts.append(pa.table(columns))
    joined = pa.concat_tables(parts, promote_options="permissive").select(names)
    return Table(joined, frozenset(place for place, name in enumerate(names) if name in as_json))
