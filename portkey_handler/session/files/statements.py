"""CREATE TABLE files.x, INSERT INTO files.x, DROP TABLE files.x."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import StatementError
from ...foreign_text import logger_of
from ...usage.estimate.dry_run import dry_run_listener
from ...usage.formatting import counted
from ..done import Done
from ..sql.parser import ast
from ..sql.prefixes import conflict_of, key_of
from .options import checked
from .writing import Files

if TYPE_CHECKING:
    from ..catalog import Catalog
    from ..duckdb_connection import Database
    from ..select_runner import Selector
    from ..table import Table

logger = logger_of(__name__)


def create_table(node: Any, files: Files, selector: Selector) -> Done:
    """Write a new table: the rows of a query, or the given columns without rows."""
    name = _name(node.name, "CREATE TABLE")
    is_known = files.exists(name)
    if node.if_not_exists and is_known:
        return Done(f"files.{name} exists already, so nothing was changed", 0)
    # Checked before the query is run, because the answers of its models would be paid for and lost.
    files.check_free(name, replace=node.is_replace)
    if any(column.is_primary_key or column.nullable is False for column in node.columns or ()):
        raise StatementError(
            f"files.{name} can have no PRIMARY KEY and no NOT NULL; leave them out, and name the columns "
            f"that tell rows apart by SET files.{name}.key = '…'"
        )
    is_empty = node.from_select is None
    rows = no_rows(node.columns, selector.database) if is_empty else selector.rows_to_write(node.from_select)
    if is_dry_run(f"files.{name}", selector):
        return left_as_it_is(f"files.{name}")
    files.create(name, rows, replace=node.is_replace)
    number = rows.arrow.num_rows
    return Done(f"files.{name} was {'replaced' if is_known else 'created'}, {counted(number, 'row')}", number)


def no_rows(columns: list[Any], database: Database) -> Table:
    """Return no rows with the columns of CREATE TABLE files.x (a INT, …)."""
    from sqlglot import exp

    from ..sql.expressions import aliased, data_type

    shown = []
    for column in columns:
        digits = [int(one) for one in (column.length, column.length2) if one is not None]
        kind = data_type(str(column.type), digits)
        shown.append(aliased(exp.Cast(this=exp.Null(), to=kind), str(column.name)))
    return database.run(exp.select(*shown).limit(0))


def insert(node: Any, files: Files, selector: Selector) -> Done:
    """Add the rows of a query, or the given values, to a table."""
    name = _name(node.table, "INSERT INTO")
    columns = None if node.columns is None else [str(column.name) for column in node.columns]
    known = files.check_columns(name, columns or [])
    conflict = files.conflict(name, conflict_of(node), key_of(node))
    if conflict is not None:
        conflict.check(name, known, columns)
    if node.from_select is None:
        columns = columns or known
        rows = selector.run(values(node.values, columns))
    else:
        rows = selector.rows_to_write(node.from_select)
    if is_dry_run(f"files.{name}", selector):
        return left_as_it_is(f"files.{name}")
    done = files.append(name, rows, columns, conflict)
    words = f"{counted(done.rows, 'row')} inserted into files.{name}"
    if conflict is not None:
        ending = "of them replaced another" if conflict.what == "replace" else "left out: the key is there"
        words += f", {done.there} {ending}"
    return Done(words, done.rows)


def drop_tables(node: Any, files: Files) -> Done:
    """Delete tables."""
    said = []
    for identifier in node.tables:
        name = _name(identifier, "DROP TABLE")
        if node.if_exists and not files.exists(name):
            said.append(f"there is no files.{name}, so nothing was changed")
        elif is_dry_run(f"files.{name}"):
            said.append(left_as_it_is(f"files.{name}").words)
        else:
            files.drop(name)
            said.append(f"files.{name} was dropped")
    return Done("; ".join(said))


def set_option(node: Any, catalog: Catalog) -> Done:
    """Keep what SET files.reviews.encoding = 'cp1252' says about a table; NULL takes it back.

    Raises:
        StatementError: There is no such option, or the value does not fit.
    """
    parts = [str(part) for part in node.name.parts][1:]
    if len(parts) < 2:
        raise StatementError(f"SET {node.name}: write SET files.table.option = value")
    *table, option = parts
    value = None if isinstance(node.value, ast.NullConstant) else getattr(node.value, "value", node.value)
    name = ".".join(table)
    value = checked(name, option.lower(), value)
    catalog.set_file_option(name, option.lower(), value)
    is_now = "not set any more" if value is None else f"set to {value!r}"
    return Done(f"files.{name}.{option.lower()} is {is_now}")


def is_dry_run(name: str, selector: Selector | None = None) -> bool:
    """Return whether this is a dry run, which writes nothing; then a log line says so.

    Args:
        name: The table that would be written.
        selector: Has run the query whose rows would be written; `USING dry_run = true` in it counts, too.
    """
    if dry_run_listener() is None and not (selector is not None and selector.is_dry):
        return False
    logger.info("%s", left_as_it_is(name).words)
    return True


def left_as_it_is(name: str) -> Done:
    """Return what a dry run says about a table that would be written."""
    return Done(f"{name} is left as it is, because this is a dry run", 0)


def values(rows: list[list[Any]], columns: list[str]) -> Any:
    """Return the query of VALUES.

    Raises:
        StatementError: A row has more or fewer values than there are columns.
    """
    queries = []
    for row in rows:
        if len(row) != len(columns):
            raise StatementError(
                f"VALUES has {len(row)} values for {len(columns)} columns: {', '.join(columns)}"
            )
        for value, column in zip(row, columns, strict=True):
            value.alias = ast.Identifier(parts=[column])
        queries.append(ast.Select(targets=row))
    # Halved again and again, because a chain of many rows would be nested as deeply as there are rows.
    while len(queries) > 1:
        pairs = [queries[place : place + 2] for place in range(0, len(queries), 2)]
        queries = [
            pair[0] if len(pair) == 1 else ast.Union(left=pair[0], right=pair[1], unique=False)
            for pair in pairs
        ]
    return queries[0] if queries else None


def _name(identifier: Any, statement: str) -> str:
    parts = [str(part) for part in identifier.parts]
    if len(parts) != 2 or parts[0].lower() != "files":
        raise StatementError(
            f"{statement} {'.'.join(parts)}: only tables of files can be written: {statement} files.x"
        )
    return parts[1]
