"""The rows of a query as a pandas frame, whatever held them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .cells import Unreadable

if TYPE_CHECKING:
    import pandas as pd


#: Arrow's errors are of these kinds.
_ARROWS = (ValueError, TypeError, NotImplementedError)


def as_frame(data: Any) -> pd.DataFrame:
    """Return rows as a pandas frame; a pandas frame is returned unchanged.

    Args:
        data: A pandas frame; anything with Arrow's interface (Polars, also lazy, pyarrow, a DuckDB
            relation); a dict of columns; or a list of dicts, one for each row.

    Raises:
        InputError: It is none of them, or its columns differ in length.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if not hasattr(data, "__arrow_c_stream__") and callable(getattr(data, "collect", None)):
        data = data.collect()
    if hasattr(data, "__arrow_c_stream__"):
        try:
            return _of_arrow(data)
        except _ARROWS as error:
            return _column_by_column(data, error)
    if isinstance(data, Mapping):
        return _of_columns({name: _listed(name, values) for name, values in data.items()})
    if isinstance(data, list) and all(isinstance(row, Mapping) for row in data):
        names = dict.fromkeys(name for row in data for name in row)
        return _of_columns({name: [row.get(name) for row in data] for name in names}, len(data))
    raise InputError(
        "rows are a pandas or Polars frame, an Arrow table, a dict of columns or a list of dicts, not "
        f"{type(data).__name__}"
    )


def _of_arrow(data: Any) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    if type(data).__module__.startswith("polars") and "Object" in map(str, data.dtypes):
        raise TypeError("it holds Python objects")  # Polars would hand out their places in memory
    rows = pa.table(data)
    # pandas has no views, as which Polars hands out texts.
    plain = {"string_view": pa.string(), "binary_view": pa.binary()}
    for position, field in enumerate(rows.schema):
        if str(field.type) in plain:
            rows = rows.set_column(position, field.name, rows.column(position).cast(plain[str(field.type)]))
    # Arrow's types keep whole numbers whole beside NULLs, and every digit of decimals.
    read: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    return read


def _column_by_column(data: Any, error: Exception) -> pd.DataFrame:
    """Return a table whose columns that Arrow cannot take have cells that fail their rows.

    Raises:
        InputError: The table does not hand out single columns.
    """
    import pandas as pd

    names, select = getattr(data, "columns", ()), getattr(data, "select", None)
    if not callable(select) or not all(isinstance(name, str) for name in names) or not len(names):
        raise InputError(
            f"the table cannot be read: {_first(error)}; cast its columns to other types"
        ) from None
    columns = []
    for name in names:
        try:
            columns.append(_of_arrow(select([name])).iloc[:, 0])
        except _ARROWS as one:
            reason = f"the column {name} cannot be read: {_first(one)}; cast it to another type"
            columns.append(objects([Unreadable(reason)] * len(data)))
    found: pd.DataFrame = pd.concat(columns, axis=1)
    found.columns = pd.Index(names, dtype=object)
    return found


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _listed(name: Any, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InputError(
            f"the column {name} is a list of values, one for each row, not {type(values).__name__}"
        )
    return list(values)


def _of_columns(columns: Mapping[Any, list[Any]], rows: int = 0) -> pd.DataFrame:
    import pandas as pd

    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"the columns differ in length: {shown}")
    index = pd.RangeIndex(max(lengths.values(), default=rows))
    frame: pd.DataFrame = pd.DataFrame(
        {name: objects(values) for name, values in columns.items()}, index=index
    )
    return frame


def objects(values: Sequence[Any]) -> pd.Series[Any]:
    """Return values as a column of objects, unchanged."""
    import numpy as np
    import pandas as pd

    # One by one, because numpy would make a table of lists.
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        cells[position] = value
    found: pd.Series[Any] = pd.Series(cells, dtype=object)
    return found
