"""Queries whose results Arrow can hold, and the results as the session shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlglot import exp

from .sql.expressions import aliased, column, data_type

WIDE = ("HUGEINT", "UHUGEINT")
#: Types of which Arrow or pandas has no equivalent.
_AS_TEXT = ("TIME WITH TIME ZONE", "BIT", "BIGNUM", "VARINT")


def narrowed(expression: Any, columns: list[tuple[str, str]], wide: str) -> Any:
    """Return a query whose columns have types that Arrow has; whole numbers of 128 bits become `wide`."""
    if not any(kind in (*WIDE, *_AS_TEXT) or kind.startswith("ENUM") for _, kind in columns):
        return expression
    shown = []
    for position, (name, kind) in enumerate(columns):
        reference = column(f"c{position}")
        if kind in WIDE:
            reference = exp.Cast(this=reference, to=data_type(wide, (38, 0) if wide == "decimal" else None))
        elif kind in _AS_TEXT or kind.startswith("ENUM"):
            reference = exp.Cast(this=reference, to=data_type("varchar"))
        shown.append(aliased(reference, name))
    renames = [exp.to_identifier(f"c{position}", quoted=True) for position in range(len(columns))]
    alias = exp.TableAlias(this=exp.to_identifier("narrowed"), columns=renames)
    return exp.select(*shown).from_(exp.Subquery(this=expression.copy(), alias=alias))


def plain(arrow: Any) -> Any:
    """Return rows with DuckDB's own text and byte types as Arrow's."""
    for position, field in enumerate(arrow.schema):
        storage = getattr(field.type, "storage_type", None)
        if storage is not None:
            chunks = [chunk.storage for chunk in arrow.column(position).chunks]
            arrow = arrow.set_column(position, field.name, pa.chunked_array(chunks, storage))
    return arrow


def zones_of(schema: Any) -> dict[str, str]:
    """Return the time zones of an Arrow schema, by the lower-case names of the columns that have one."""
    return {
        field.name.lower(): field.type.tz for field in schema if getattr(field.type, "tz", None) is not None
    }


def in_zones(arrow: Any, names: Sequence[str], zones: Mapping[str, str]) -> Any:
    """Return rows whose times have the zones of the columns that they come from.

    A column that was computed has another name: it gets the zone where all columns have one and the same.
    """
    only = next(iter(zones.values())) if len(set(zones.values())) == 1 else None
    for position, field in enumerate(arrow.schema):
        zone = zones.get(names[position].rpartition(".")[2].strip('`"').lower(), only)
        if zone is not None and getattr(field.type, "tz", None) is not None:
            kind = pa.timestamp(field.type.unit, zone)
            arrow = arrow.set_column(position, field.name, arrow.column(position).cast(kind))
    return arrow
