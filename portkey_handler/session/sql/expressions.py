"""Builds the parts of sqlglot trees that the session needs, and writes them as DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ...errors import StatementError

Expression = (
    Any  # sqlglot renamed its base classes between versions; its trees are built and hardly inspected
)

TYPES = {
    **dict.fromkeys(("bigint", "int8", "long", "signed"), "BIGINT"),
    **dict.fromkeys(("int", "integer", "int4", "mediumint"), "INTEGER"),
    **dict.fromkeys(("smallint", "tinyint"), "SMALLINT"),
    **dict.fromkeys(("hugeint",), "HUGEINT"),
    **dict.fromkeys(("unsigned", "ubigint"), "UBIGINT"),
    **dict.fromkeys(("double", "float8"), "DOUBLE"),
    **dict.fromkeys(("float", "float4", "real"), "FLOAT"),
    **dict.fromkeys(("decimal", "numeric", "dec"), "DECIMAL"),
    **dict.fromkeys(("varchar", "char", "text", "string", "nchar", "nvarchar", "longtext"), "VARCHAR"),
    **dict.fromkeys(("bool", "boolean"), "BOOLEAN"),
    **dict.fromkeys(("date",), "DATE"),
    **dict.fromkeys(("time",), "TIME"),
    **dict.fromkeys(("datetime", "timestamp"), "TIMESTAMP"),
    **dict.fromkeys(("timestamptz",), "TIMESTAMPTZ"),
    **dict.fromkeys(("interval",), "INTERVAL"),
    **dict.fromkeys(("blob", "binary", "bytea", "varbinary"), "BLOB"),
    **dict.fromkeys(("json",), "JSON"),
    **dict.fromkeys(("uuid",), "UUID"),
}


@dataclass(frozen=True)
class Functions:
    """The functions that a statement may call.

    Attributes:
        allowed: Names in lower case; all others are rejected.
        aggregates: The allowed functions that make one value of many rows.
    """

    allowed: frozenset[str]
    aggregates: frozenset[str]


def column(name: str, table: str | None = None) -> Expression:
    """Return a quoted reference to a column."""
    return exp.column(name, table=table, quoted=True)


def table(name: str, alias: str | None = None) -> Expression:
    """Return a quoted reference to a table."""
    found = exp.Table(this=exp.to_identifier(name, quoted=True))
    return found if alias is None else aliased(found, alias)


def aliased(expression: Expression, alias: str) -> Expression:
    """Return an expression, a table or a value, with a quoted alias."""
    return exp.alias_(expression, alias, quoted=True, table=isinstance(expression, exp.Table | exp.Subquery))


def call(name: str, *arguments: Expression) -> Expression:
    """Return a call of a DuckDB function."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def sql(expression: Expression) -> str:
    """Return a finished tree as DuckDB's SQL."""
    return str(expression.sql(dialect="duckdb"))


def literal(value: Any) -> Expression:
    """Return a Python constant as DuckDB's."""
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | float):
        number = exp.Literal(this=repr(abs(value)), is_string=False)
        return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
    return exp.Literal.string(str(value))


def data_type(name: str, precision: Sequence[int] | None = None) -> Expression:
    """Return a type by the name that users write.

    Raises:
        StatementError: There is no such type.
    """
    known = TYPES.get(name.lower())
    if known is None:
        raise StatementError(f"the type {name!r} is not known; known are: {', '.join(sorted(TYPES))}")
    if precision and known == "DECIMAL":
        known = f"DECIMAL({','.join(str(int(part)) for part in precision)})"
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=known)


def unique(names: Sequence[str]) -> list[str]:
    """Return names with `_1`, `_2` … added to repeated ones (upper and lower case are the same)."""
    seen: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 0
        while candidate.lower() in seen:
            number += 1
            candidate = f"{name}_{number}"
        seen.add(candidate.lower())
        result.append(candidate)
    return result
