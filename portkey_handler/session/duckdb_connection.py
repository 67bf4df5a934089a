"""Runs finished queries; the only module that imports DuckDB.

The session's own DuckDB reads no file but those that `files.served` hands to it, loads no extension and
never reads a Python variable as a table. Its configuration is locked. A connection of the user is neither
locked nor closed; there, the names of tables and functions are checked before anything is run
(`Database.table_names`, `Database.functions`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from ..errors import FileError
from . import own_texts
from .duckdb_errors import query_error
from .files.relation import identifier
from .files.served import SCHEME, Served
from .interruptible import interruptible
from .query_results import WIDE, in_zones, narrowed, plain
from .scratch import Scratch
from .sql.expressions import Functions, sql, table
from .sql.functions import ALLOWED, REFUSED
from .table import Table

_LOCKED = {
    "temp_directory": "",
    "allowed_directories": f"['{SCHEME}://']",
    "enable_external_file_cache": "false",  # it would keep whole files in memory
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "default_null_order": "nulls_last",
    "TimeZone": "UTC",  # so that a query gives the same dates on every machine
}
#: The column of a table without columns.
_NO_COLUMN = "__portkey_no_column"


class Database:
    """A locked DuckDB in memory, or a connection of the user. Each further thread has its own cursor.

    Args:
        connection: The user's connection, whose tables are seen.
    """

    def __init__(self, connection: Any = None) -> None:
        self._owned = connection is None
        #: The files that it reads; on the user's connection none, see `reader`.
        self.served = Served()
        self._first = _locked_connection(self.served) if connection is None else connection
        self._reader: Database | None = None
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
        if self._reader is not None:
            self._reader.close()

    @property
    def reader(self) -> Database:
        """The DuckDB that reads files: this one, or one beside the user's, which is left as it is."""
        if self._owned:
            return self
        with self._opening:
            if self._reader is None:
                self._reader = Database()
            return self._reader

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
        """Return the allowed functions: DuckDB's, by a list, and on the user's connection the user's own."""
        if self._functions is None:
            rows = self.fetch(
                "SELECT lower(function_name), function_type, internal FROM duckdb_functions() "
                "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            )
            own = {name for name, _, internal in rows if not internal} - REFUSED
            self._functions = Functions(
                allowed=ALLOWED | own,
                aggregates=frozenset(name for name, kind, _ in rows if kind == "aggregate"),
            )
        return self._functions

    def table_names(self) -> list[str]:
        """Return the names of tables and views on the user's connection, as `table` and `schema.table`."""
        return [name for name, _ in self._tables()]

    def own_table(self, name: str) -> tuple[str, ...] | None:
        """Return the parts of a table's name on the user's connection, given in lower case, or None."""
        return next((parts for known, parts in self._tables() if known.lower() == name), None)

    def _tables(self) -> list[tuple[str, tuple[str, ...]]]:
        if self._owned:
            return []
        rows = self.fetch(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY ALL"
        )
        rows = [(schema, name) for schema, name in rows if not name.startswith("__portkey_")]
        return [(name, (name,)) for _, name in rows] + [
            (f"{schema}.{name}", (schema, name)) for schema, name in rows
        ]

    def schemas(self) -> list[str]:
        """Return the names of the schemas on the user's connection."""
        rows = self.fetch("SELECT DISTINCT schema_name FROM information_schema.schemata")
        return [str(name) for (name,) in rows]

    def is_read_only(self) -> bool:
        """Return whether the database of the connection was opened to be read only."""
        rows = self.fetch("SELECT readonly FROM duckdb_databases() WHERE database_name = current_database()")
        return any(readonly for (readonly,) in rows)

    def change(self, statement: str) -> int:
        """Run a statement that changes the user's tables; return how many rows it has written.

        Raises:
            StatementError: DuckDB rejects it, or it fails.
        """
        with self._translated({}):
            row = self._connection.execute(statement).fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else 0

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
        for position, texts in rows.texts.items():
            arrow = arrow.append_column(own_texts.PREFIX + rows.names[position], texts)
        with self._translated({}):
            self._connection.register(name, arrow)
        return name, _source(name, rows)

    def remove(self, name: str) -> None:
        """Remove a table that `add` has registered."""
        self._connection.unregister(name)

    @contextmanager
    def _translated(self, names: Mapping[str, str]) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            # An error of a file that DuckDB was reading comes here as a text only.
            raise self.served.take_error(str(error)) or query_error(str(error), names) from None

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the session's own.

        Raises:
            DuckDBError: It fails.
            StatementError: A file cannot be read.
        """
        with self._translated({}):
            connection = self._connection
            found: list[tuple[Any, ...]] = interruptible(
                connection, lambda: connection.execute(query).fetchall()
            )
        return found

    def value(self, query: str, argument: str) -> Any:
        """Return the one value of a query of the session's own with one argument.

        Raises:
            StatementError: It fails.
        """
        with self._translated({}):
            connection = self._connection
            row = interruptible(connection, lambda: connection.execute(query, [argument]).fetchone())
        return None if row is None else row[0]

    def columns(self, expression: Any, names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
        """Return names and types of the columns of a query, without running it.

        Raises:
            StatementError: DuckDB rejects the query.
        """
        with self._translated(names or {}):
            found = self._connection.execute(f"DESCRIBE {sql(expression)}").fetchall()
        return [(str(row[0]), str(row[1]).upper()) for row in found]

    def summary(self, expression: Any) -> Table:
        """Return DuckDB's SUMMARIZE of a query.

        Raises:
            StatementError: DuckDB rejects the query, or it fails.
        """
        return self.run(
            exp.select(exp.Star()).from_(exp.Subquery(this=exp.Var(this=f"SUMMARIZE {sql(expression)}")))
        )

    def plan(self, expression: Any) -> str:
        """Return DuckDB's plan of a query as text.

        Raises:
            StatementError: DuckDB rejects the query.
        """
        return "\n".join(str(row[-1]) for row in self.fetch(f"EXPLAIN {sql(expression)}"))

    def run(
        self,
        expression: Any,
        names: Mapping[str, str] | None = None,
        zones: Mapping[str, str] | None = None,
        *,
        from_file: bool = False,
    ) -> Table:
        """Run a query.

        Args:
            expression: The finished query.
            names: Private name to the user's name, for messages.
            zones: Time zones by the lower-case names of columns, see `Scratch.zones`.
            from_file: See `Table.from_file`.

        Raises:
            StatementError: DuckDB rejects it, or it fails.
        """
        columns = self.columns(expression, names)
        with self._translated(names or {}):
            try:
                arrow = self._arrow(narrowed(expression, columns, "decimal"))
            except duckdb.ConversionException:
                if not any(kind in WIDE for _, kind in columns):
                    raise
                arrow = self._arrow(narrowed(expression, columns, "varchar"))  # more than 38 digits
        as_json = frozenset(position for position, (_, kind) in enumerate(columns) if kind == "JSON")
        shown = [(names or {}).get(name, name) for name, _ in columns]
        rows = in_zones(plain(arrow), shown, zones or {})
        found = Table(rows, as_json, from_file=from_file).renamed([name for name, _ in columns])
        return Table(rows.select([])) if found.names == [_NO_COLUMN] else found

    def _arrow(self, expression: Any) -> Any:
        connection, query = self._connection, sql(expression)
        return interruptible(connection, lambda: connection.sql(query).to_arrow_table())


def connected(path: Path) -> Any:
    """Return a connection to a DuckDB database file.

    Raises:
        FileError: It cannot be opened: another program has it, or it is something else.
    """
    try:
        return duckdb.connect(str(path))
    except (duckdb.Error, OSError) as error:
        why = str(error).splitlines()[0][:200]
        raise FileError(
            f"{path} cannot be opened as a DuckDB database ({why}); close the program that has it open, "
            "or name another file"
        ) from None


def _locked_connection(served: Served) -> Any:
    connection = duckdb.connect(":memory:")
    connection.register_filesystem(served)
    for setting, value in _LOCKED.items():
        shown = value if value.startswith("[") else f"'{value}'"
        try:
            connection.execute(f"SET GLOBAL {setting} = {shown}")  # for cursors, too
        except duckdb.CatalogException:
            # A version of DuckDB without a setting also lacks what the setting guards. The first two
            # settings must exist.
            if setting in ("enable_external_access", "python_enable_replacements"):
                connection.close()
                raise
    connection.execute("SET lock_configuration = true")
    return connection


def _source(name: str, rows: Table) -> Any:
    if not rows.json and not rows.texts:
        return table(name)
    quoted = [identifier(item) for item in rows.names]
    shown = [
        f"CAST({item} AS JSON) AS {item}" if position in rows.json else item
        for position, item in enumerate(quoted)
    ]
    found = exp.Subquery(this=exp.Var(this=f"SELECT {', '.join(shown)} FROM {identifier(name)}"))
    names = [rows.names[position] for position in rows.texts]
    return own_texts.mark(found, {item: identifier(own_texts.PREFIX + item) for item in names})
