"""Runs finished queries; the only module that imports DuckDB.

The session's own DuckDB reads no file, loads no extension and never reads a Python variable as a table. Its
configuration is locked. A connection of the user is neither locked nor closed; there, the names of tables and
functions are checked before anything is run (`Database.table_names`, `Database.functions`).
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from ..errors import StatementError
from .sql.expressions import Functions, aliased, column, data_type, sql, table
from .table import Table

_LOCKED = {
    "temp_directory": "",
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "default_null_order": "nulls_last",
    "TimeZone": "UTC",  # so that a query gives the same dates on every machine
}
#: These look like functions but belong to DuckDB's grammar; its catalog does not list all of them.
_GRAMMAR = frozenset(
    """
    any_value avg coalesce count cume_dist dense_rank extract first_value greatest if ifnull lag last_value
    lead least ltrim max min now nth_value ntile nullif overlay percent_rank position rank row_number rtrim
    substring sum trim try_cast unnest
    """.split()  # noqa: SIM905 — a list of thirty strings reads worse
)
#: Functions that read the machine, settings, or tables by name.
_REFUSED = re.compile(
    r"^(getenv|current_setting|set_config|getvariable|query|query_table|glob|read_.*|write_.*|.*_scan|"
    r"duckdb_.*|pragma_.*|pg_.*|nextval|currval|json_execute_.*|json_serialize_sql|json_deserialize_sql|"
    r"in_search_path|txid_current|current_database|current_schemas?|checkpoint|force_checkpoint|sleep.*)$"
)
#: The column of a table without columns.
_NO_COLUMN = "__portkey_no_column"
_WIDE = ("HUGEINT", "UHUGEINT")
#: Types of which Arrow or pandas has no equivalent.
_AS_TEXT = ("TIME WITH TIME ZONE", "BIT", "BIGNUM", "VARINT")


class Database:
    """A locked DuckDB in memory, or a connection of the user. Each further thread has its own cursor.

    Args:
        connection: The user's connection, whose tables are seen.
    """

    def __init__(self, connection: Any = None) -> None:
        self._owned = connection is None
        self._first = _locked_connection() if connection is None else connection
        self._thread = threading.get_ident()
        self._opening = threading.Lock()
        self._own = threading.local()
        #: The cursors of running threads; a thread keeps its cursor alive.
        self._cursors: weakref.WeakSet[Any] = weakref.WeakSet()
        self._numbers = count(1)
        self._functions: Functions | None = None

    def close(self) -> None:
        """Close the session's own connection and cursors; a connection of the user stays open."""
        for cursor in list(self._cursors):
            cursor.close()
        if self._owned:
            self._first.close()

    @property
    def _connection(self) -> Any:
        """The connection of this thread: cursors see the same tables, each with its own registered names."""
        if threading.get_ident() == self._thread:
            return self._first
        cursor = getattr(self._own, "cursor", None)
        if cursor is None:
            with self._opening:
                cursor = self._own.cursor = self._first.cursor()
                self._cursors.add(cursor)
        return cursor

    def functions(self) -> Functions:
        """Return the allowed functions: DuckDB's own and, on the user's connection, the user's."""
        if self._functions is None:
            rows = self._connection.execute(
                "SELECT lower(function_name), function_type FROM duckdb_functions() "
                "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            ).fetchall()
            named = {name for name, _ in rows if re.fullmatch(r"\w+", name)} | _GRAMMAR
            self._functions = Functions(
                allowed=frozenset(name for name in named if not _REFUSED.match(name)),
                aggregates=frozenset(name for name, kind in rows if kind == "aggregate"),
            )
        return self._functions

    def table_names(self) -> list[str]:
        """Return the names of tables and views on the user's connection, as `table` and `schema.table`."""
        if self._owned:
            return []
        rows = self._connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY ALL"
        ).fetchall()
        return [name for _, name in rows if not name.startswith("__portkey_")] + [
            f"{schema}.{name}" for schema, name in rows if not name.startswith("__portkey_")
        ]

    @contextmanager
    def scratch(self) -> Iterator[Scratch]:
        """Return a context in which tables are registered for one statement."""
        scratch = Scratch(self)
        try:
            yield scratch
        finally:
            scratch.clear()

    def add(self, rows: Table) -> tuple[str, Any]:
        """Register rows; return their private name and their expression in FROM (without alias)."""
        name = f"__portkey_{next(self._numbers)}"
        # DuckDB has no tables without columns.
        arrow = rows.arrow if rows.names else pa.table({_NO_COLUMN: pa.nulls(rows.arrow.num_rows)})
        self._connection.register(name, arrow)
        return name, _source(name, rows)

    def remove(self, name: str) -> None:
        """Remove a table that `add` has registered."""
        self._connection.unregister(name)

    def columns(self, expression: Any, names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
        """Return names and types of the columns of a query, without running it.

        Raises:
            StatementError: DuckDB rejects the query.
        """
        with _translated(names or {}):
            found = self._connection.execute(f"DESCRIBE {sql(expression)}").fetchall()
        return [(str(row[0]), str(row[1]).upper()) for row in found]

    def run(
        self,
        expression: Any,
        names: Mapping[str, str] | None = None,
        zones: Mapping[str, str] | None = None,
    ) -> Table:
        """Run a query.

        Args:
            expression: The finished query.
            names: Private name to the user's name, for messages.
            zones: Time zones by the lower-case names of columns, see `Scratch.zones`.

        Raises:
            StatementError: DuckDB rejects it, or it fails.
        """
        columns = self.columns(expression, names)
        with _translated(names or {}):
            try:
                arrow = self._arrow(_narrowed(expression, columns, "decimal"))
            except duckdb.ConversionException:
                if not any(kind in _WIDE for _, kind in columns):
                    raise
                arrow = self._arrow(_narrowed(expression, columns, "varchar"))  # more than 38 digits
        as_json = frozenset(position for position, (_, kind) in enumerate(columns) if kind == "JSON")
        shown = [(names or {}).get(name, name) for name, _ in columns]
        plain = _in_zones(_plain(arrow), shown, zones or {})
        found = Table(plain, as_json).renamed([name for name, _ in columns])
        return Table(plain.select([])) if found.names == [_NO_COLUMN] else found

    def _arrow(self, expression: Any) -> Any:
        return self._connection.sql(sql(expression)).to_arrow_table()


class Scratch:
    """Tables that are registered for one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: list[str] = []
        #: Time zones by the lower-case names of the columns that have one. DuckDB keeps times, but no zones.
        self.zones: dict[str, str] = {}

    def add(self, rows: Table) -> Any:
        """Register rows and return their expression in FROM."""
        for field in rows.arrow.schema:
            if getattr(field.type, "tz", None) is not None:
                self.zones[field.name.lower()] = field.type.tz
        name, source = self._database.add(rows)
        self._names.append(name)
        return source

    def clear(self) -> None:
        """Remove all of them."""
        while self._names:
            self._database.remove(self._names.pop())


def _locked_connection() -> Any:
    connection = duckdb.connect(":memory:")
    for setting, value in _LOCKED.items():
        try:
            connection.execute(f"SET GLOBAL {setting} = '{value}'")  # for cursors, too
        except duckdb.CatalogException:
            # A version of DuckDB without a setting also lacks what the setting guards. The first two
            # settings must exist.
            if setting in ("enable_external_access", "python_enable_replacements"):
                connection.close()
                raise
    connection.execute("SET lock_configuration = true")
    return connection


def _source(name: str, rows: Table) -> Any:
    if not rows.json:
        return table(name)
    names = rows.names
    shown = [
        aliased(exp.Cast(this=column(item), to=data_type("json")), item)
        if position in rows.json
        else column(item)
        for position, item in enumerate(names)
    ]
    return exp.Subquery(this=exp.select(*shown).from_(table(name)))


def _narrowed(expression: Any, columns: list[tuple[str, str]], wide: str) -> Any:
    """Return a query whose columns have types that Arrow has; whole numbers of 128 bits become `wide`."""
    if not any(kind in (*_WIDE, *_AS_TEXT) or kind.startswith("ENUM") for _, kind in columns):
        return expression
    shown = []
    for position, (name, kind) in enumerate(columns):
        reference = column(f"c{position}")
        if kind in _WIDE:
            reference = exp.Cast(this=reference, to=data_type(wide, (38, 0) if wide == "decimal" else None))
        elif kind in _AS_TEXT or kind.startswith("ENUM"):
            reference = exp.Cast(this=reference, to=data_type("varchar"))
        shown.append(aliased(reference, name))
    renames = [exp.to_identifier(f"c{position}", quoted=True) for position in range(len(columns))]
    alias = exp.TableAlias(this=exp.to_identifier("narrowed"), columns=renames)
    return exp.select(*shown).from_(exp.Subquery(this=expression.copy(), alias=alias))


def _plain(arrow: Any) -> Any:
    """Return rows with DuckDB's own text and byte types as Arrow's."""
    for position, field in enumerate(arrow.schema):
        storage = getattr(field.type, "storage_type", None)
        if storage is not None:
            chunks = [chunk.storage for chunk in arrow.column(position).chunks]
            arrow = arrow.set_column(position, field.name, pa.chunked_array(chunks, storage))
    return arrow


def _in_zones(arrow: Any, names: Sequence[str], zones: Mapping[str, str]) -> Any:
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


@contextmanager
def _translated(names: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StatementError(_message(str(error), names)) from None


def _message(text: str, names: Mapping[str, str]) -> str:
    for private in sorted(names, key=len, reverse=True):
        text = text.replace(f'"{private}"', names[private]).replace(private, names[private])
    text = re.sub(r"__portkey_\d+", "the data", text)
    # After this line DuckDB quotes the query, which is not the text that the user wrote.
    lines = [line.strip() for line in text.split("\nLINE ")[0].splitlines() if line.strip()]
    first = " ".join(lines)[:500]
    return re.sub(r"^(\w+) Error: ", lambda found: f"{found[1].lower()} error: ", first)
