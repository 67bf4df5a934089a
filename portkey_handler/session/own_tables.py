"""CREATE TABLE, INSERT INTO and DROP TABLE on the user's own DuckDB connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ..errors import AlreadyExistsError, NotFoundError, StatementError, did_you_mean
from ..usage.formatting import counted
from .descriptions import described
from .done import Done
from .files.statements import is_dry_run, left_as_it_is, no_rows, values
from .sql.expressions import aliased, sql
from .sql.prefixes import conflict_of, key_of

if TYPE_CHECKING:
    from .select_runner import Selector
    from .table import Table


def is_own(identifier: Any, connection: Any) -> bool:
    """Return whether a table is on the user's connection, and not in files."""
    return connection is not None and str(identifier.parts[0]).lower() != "files"


def create_table(node: Any, selector: Selector) -> Done:
    """Make a table of the rows of a query, or of the given columns without rows.

    Raises:
        AlreadyExistsError: There is a table or a model of that name.
        NotFoundError: There is no such schema.
    """
    database, name = selector.database, _name(node.name)
    is_known = name.lower() in _tables(selector)
    if is_known and node.if_not_exists:
        return Done(f"{name} exists already, so nothing was changed", 0)
    if is_known and not node.is_replace:
        raise AlreadyExistsError(
            f"{name} exists already; INSERT INTO it, DROP TABLE {name}, or CREATE OR REPLACE"
        )
    if any(model.name.lower() == name.lower() for model in selector.models):
        raise AlreadyExistsError(f"{name} is a model; choose another name for the table")
    schema = name.rpartition(".")[0]
    if schema and schema.lower() not in (known.lower() for known in database.schemas()):
        raise NotFoundError(f"the schema {schema} does not exist{did_you_mean(schema, database.schemas())}")
    _check_writable(selector)
    rows = (
        no_rows(node.columns, database)
        if node.from_select is None
        else selector.rows_to_write(node.from_select)
    )
    if is_dry_run(name, selector):
        return left_as_it_is(name)
    _write(f"CREATE OR REPLACE TABLE {_quoted(name)} AS" if is_known else f"CREATE TABLE {_quoted(name)} AS",
           rows.distinctly_named(), selector)  # fmt: skip
    _constrain(name, node.columns or (), selector)
    number = rows.arrow.num_rows
    return Done(f"{name} was {'replaced' if is_known else 'created'}, {counted(number, 'row')}", number)


def insert(node: Any, selector: Selector) -> Done:
    """Add the rows of a query, or the given values; OR IGNORE and OR REPLACE go by the table's own keys.

    Raises:
        NotFoundError: There is no such table.
        StatementError: It lacks one of the columns, or DuckDB refuses the rows.
    """
    name = _name(node.table)
    if key_of(node) is not None:
        raise StatementError(
            f"BY (…) is for tables of files; the key of {name} is its PRIMARY KEY: leave BY (…) out"
        )
    if name.lower() not in _tables(selector):
        known = sorted(_tables(selector))
        raise NotFoundError(f"the table {name} does not exist{did_you_mean(name, known)}")
    table = exp.Subquery(this=exp.Var(this=f"SELECT * FROM {_quoted(name)}"))
    known = [column for column, _ in selector.database.columns(exp.select(exp.Star()).from_(table))]
    columns = None if node.columns is None else [str(column.name) for column in node.columns]
    if node.from_select is None:
        columns = columns or known
        query = values(node.values, columns)
    else:
        query = node.from_select
    # Looked at before the query is run, because the answers of its models would be paid for and lost.
    names = described(selector, query)["column_name"].tolist()
    _check(name, known, columns or names, len(names))
    _check_writable(selector)
    rows = selector.rows_to_write(query)
    if is_dry_run(name, selector):
        return left_as_it_is(name)
    conflict = conflict_of(node)
    word = "INSERT" if conflict is None else f"INSERT OR {conflict.upper()}"
    filled = ", ".join(_quoted(column, whole=True) for column in columns or rows.names)
    number = _write(f"{word} INTO {_quoted(name)} ({filled})", rows.distinctly_named(), selector)
    out = rows.arrow.num_rows - number
    ending = f", {out} left out: the key is there" if conflict == "ignore" else ""
    return Done(f"{counted(number, 'row')} inserted into {name}{ending}", number)


def drop_table(identifier: Any, selector: Selector, *, if_exists: bool) -> Done:
    """Drop a table.

    Raises:
        NotFoundError: There is no such table.
    """
    name = _name(identifier)
    if name.lower() not in _tables(selector):
        if if_exists:
            return Done(f"there is no {name}, so nothing was changed")
        raise NotFoundError(f"the table {name} does not exist{did_you_mean(name, sorted(_tables(selector)))}")
    if is_dry_run(name):
        return left_as_it_is(name)
    selector.database.change(f"DROP TABLE {_quoted(name)}")
    return Done(f"{name} was dropped")


def _name(identifier: Any) -> str:
    parts = [str(part) for part in identifier.parts]
    if len(parts) > 2 or any("." in part for part in parts):
        raise StatementError(f"{'.'.join(parts)}: write a table, or schema.table")
    return ".".join(parts)


def _tables(selector: Selector) -> set[str]:
    return {name.lower() for name in selector.database.table_names()}


def _quoted(name: str, *, whole: bool = False) -> str:
    parts = [name] if whole else name.split(".")
    return ".".join(sql(exp.to_identifier(part, quoted=True)) for part in parts)


def _check_writable(selector: Selector) -> None:
    """Check this before a query is run, because the answers of its models would be paid for and lost."""
    if selector.database.is_read_only():
        raise StatementError(
            "the database of the connection is read-only; open it with duckdb.connect(…, read_only=False), "
            "or write to files: CREATE TABLE files.x"
        )


def _check(name: str, known: list[str], columns: list[str], count: int) -> None:
    lowered = [column.lower() for column in known]
    unknown = [column for column in columns if column.lower() not in lowered]
    if unknown:
        raise StatementError(
            f"{name} has no column {', '.join(unknown)}; it has: {', '.join(known)} (name what is "
            "inserted with AS, or list the columns behind the table)"
        )
    if len(columns) != count:
        raise StatementError(f"INSERT INTO {name} names {len(columns)} columns for {count} values")


def _constrain(name: str, columns: Sequence[Any], selector: Selector) -> None:
    """Give an empty table its PRIMARY KEY, by which INSERT OR … goes, and its NOT NULL."""
    changes = [
        f"ALTER {_quoted(str(column.name), whole=True)} SET NOT NULL"
        for column in columns
        if column.nullable is False
    ]
    key = [_quoted(str(column.name), whole=True) for column in columns if column.is_primary_key]
    if key:
        changes.append(f"ADD PRIMARY KEY ({', '.join(key)})")
    for change in changes:
        selector.database.change(f"ALTER TABLE {_quoted(name)} {change}")


def _write(statement: str, rows: Table, selector: Selector) -> int:
    with selector.database.scratch() as scratch:
        query = exp.select(exp.Star()).from_(aliased(scratch.add(rows), "t"))
        return selector.database.change(f"{statement} {sql(query)}")
