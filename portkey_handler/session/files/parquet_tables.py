"""Tables in Parquet files: read by DuckDB where it knows all their types, else by Arrow."""

from __future__ import annotations

import io
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ...errors import StatementError
from ..arrow_frames import readable
from ..query_results import zones_of
from ..table import Table
from .folder import Folder
from .found import File, partition_keys
from .relation import FileColumn, Relation, identifier, texts
from .served import Served

#: Marks a column of a Parquet file that holds JSON, so that it is read back as objects.
_JSON = {b"portkey_handler": b"json"}


def read_by_duckdb(folder: Folder, files: Sequence[File], served: Served) -> Relation | None:
    """Return files as a table that DuckDB reads; None where a type of theirs is not known to it.

    Raises:
        ValueError: A file is no Parquet.
    """
    urls = [served.add(folder, file.parts, folder.version(file.parts)) for file in files]
    schemas = []
    for url in urls:
        with served.open(url) as opened:
            schemas.append(pyarrow.parquet.read_schema(opened))
    found = _relation(urls, schemas, partition_keys(files))
    for url in urls:
        weakref.finalize(found, served.remove, url)
    return found if all(map(is_known_to_duckdb, schemas)) else None


def json_columns(schema: Any) -> frozenset[str]:
    """Return the columns that hold JSON text."""
    return frozenset(field.name for field in schema if _JSON.items() <= (field.metadata or {}).items())


def is_known_to_duckdb(schema: Any) -> bool:
    """Return whether DuckDB reads all types of a schema as Arrow does."""
    return all(_is_plain(field.type) for field in schema) and len(schema.names) == len(
        {name.lower() for name in schema.names}
    )


def _is_plain(kind: Any) -> bool:
    # Lists are left to Arrow: for a list that is NULL, DuckDB's reader puts a NULL among the items of all
    # lists, and functions such as list_cosine_similarity refuse it, even where a condition leaves it out.
    types = pa.types
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    if types.is_decimal(kind):
        return bool(kind.precision <= 38)
    return any(
        fits(kind)
        for fits in (
            types.is_boolean, types.is_integer, types.is_float32, types.is_float64, types.is_string,
            types.is_large_string, types.is_binary, types.is_large_binary, types.is_date, types.is_timestamp,
        )
    )  # fmt: skip


def _relation(urls: Sequence[str], schemas: Sequence[Any], partitions: Sequence[str]) -> Relation:
    names = list(dict.fromkeys(name for schema in schemas for name in schema.names))
    as_json = {name for schema in schemas for name in json_columns(schema)}
    shown = [
        FileColumn(name, f"CAST({identifier(name)} AS JSON)" if name in as_json else identifier(name))
        for name in [*names, *(key for key in partitions if key not in names)]
    ]
    hive = "true" if partitions else "false"
    source = f"read_parquet({texts(urls)}, hive_partitioning = {hive}, union_by_name = true)"
    zones = {name: zone for schema in schemas for name, zone in zones_of(schema).items()}
    return Relation(source, tuple(shown), zones=zones)


def read_parquet(content: bytes) -> Table:
    """Return the rows of a Parquet file.

    Raises:
        ValueError: It is none.
    """
    arrow = pyarrow.parquet.read_table(io.BytesIO(content))
    found = json_columns(arrow.schema)
    arrow = arrow.replace_schema_metadata(None)
    columns = [readable(column) for column in arrow.columns]
    as_json = frozenset(place for place, name in enumerate(arrow.column_names) if name in found)
    return Table(pa.Table.from_arrays(columns, names=arrow.column_names), as_json)


def to_parquet(rows: Table) -> bytes:
    """Return the content of a Parquet file.

    Raises:
        StatementError: Parquet cannot hold a column, such as one of INTERVAL.
    """
    buffer = io.BytesIO()
    arrow = rows.distinctly_named().arrow
    for position in rows.json:
        field = arrow.schema.field(position).with_metadata(_JSON)
        arrow = arrow.set_column(position, field, arrow.column(position))
    try:
        pyarrow.parquet.write_table(arrow, buffer)
    except pa.ArrowException:
        places = range(arrow.num_columns)
        parts = {rows.names[place]: arrow.select([place]) for place in places}
        raise unfit(parts, lambda part: pyarrow.parquet.write_table(part, io.BytesIO())) from None
    return buffer.getvalue()


def unfit(columns: Mapping[str, Any], write: Callable[[Any], object]) -> StatementError:
    """Return the error that names the columns of which Parquet has no type.

    Args:
        columns: Each column alone, by its name.
        write: Writes a column; the columns are those at which it fails with an error of Arrow.
    """
    wrong = []
    for name, column in columns.items():
        try:
            write(column)
        except pa.ArrowException:
            wrong.append(name)
    return StatementError(
        f"a Parquet file cannot hold the column {', '.join(wrong)}; select its text: CAST(… AS TEXT)"
    )
