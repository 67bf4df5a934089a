"""Runs finished queries; the only module that imports DuckDB.

The session's own DuckDB reads no file, loads no extension and never reads a Python variable as a table. Its
configuration is locked. A connection of the user is neither locked nor closed; there, the names of tables and
functions are checked before anything is run (`Database.table_names`, `Database.functions`).
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator, Mapping
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
_WIDE = ("HUGEINT", "UHUGEINT")


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
        self._connection.register(name, rows.arrow)
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

    def run(self, expression: Any, names: Mapping[str, str] | None = None) -> Table:
        """Run a query.

        Args:
            expression: The finished query.
            names: Private name to the user's name, for messages.

        Raises:
            StatementError: DuckDB rejects it, or it fails.
        """
        columns = self.columns(expression, names)
        if any(kind in _WIDE or kind.startswith("ENUM") for _, kind in columns):
            expression = _narrowed(expression, columns)
        with _translated(names or {}):
            arrow = self._connection.sql(sql(expression)).to_arrow_table()
        as_json = frozenset(position for position, (_, kind) in enumerate(columns) if kind == "JSON")
        return Table(_plain(arrow), as_json).renamed([name for name, _ in columns])


class Scratch:
    """Tables that are registered for one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: list[str] = []

    def add(self, rows: Table) -> Any:
        """Register rows and return their expression in FROM."""
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


def _narrowed(expression: Any, columns: list[tuple[str, str]]) -> Any:
    """Return a query whose sums of whole numbers are decimals: they are wider than Arrow's integers."""
    shown = []
    for position, (name, kind) in enumerate(columns):
        reference = column(f"c{position}")
        if kind in _WIDE:
            reference = exp.Cast(this=reference, to=data_type("decimal", (38, 0)))
        elif kind.startswith("ENUM"):
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
