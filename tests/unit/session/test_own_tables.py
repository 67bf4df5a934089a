"""The user's own connection can be written to; its schemas show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from portkey_handler.errors import AlreadyExistsError, NotFoundError, StatementError, UsageError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session


@pytest.fixture
def connection() -> Iterator[Any]:
    """Open a DuckDB of the user with a table, a key and a schema."""
    with duckdb.connect() as opened:
        opened.execute(
            "CREATE TABLE notes AS SELECT 1 AS id, 'works' AS text; CREATE SCHEMA shop;"
            "CREATE TABLE shop.seen (id INTEGER PRIMARY KEY, answer VARCHAR)"
        )
        yield opened


@pytest.fixture
def own(open_session: Callable[..., Session], connection: Any) -> Session:
    """Open a session on it, with a model."""
    session = open_session(connection=connection)
    session.sql("CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e'")
    return session


def said(session: Session, statement: str) -> Any:
    """Return what a statement has done."""
    [(_, done)] = session.results(statement)
    return done


def test_tables_are_made_filled_and_dropped(own: Session, connection: Any) -> None:
    """Answers land in the user's tables; each statement says what it has done."""
    made = said(own, "CREATE TABLE answers AS SELECT n.id, m.answer FROM notes AS n JOIN m")
    assert (made.words, made.rows) == ("answers was created, 1 row", 1)
    added = said(own, "INSERT INTO answers (answer, id) SELECT upper(text), 2 FROM notes")
    assert (added.words, added.rows) == ("1 row inserted into answers", 1)
    assert connection.execute("SELECT * FROM answers ORDER BY id").fetchall() == [(1, "WORKS"), (2, "WORKS")]
    assert said(own, "CREATE OR REPLACE TABLE answers (FROM notes)").words == "answers was replaced, 1 row"
    assert said(own, "CREATE TABLE IF NOT EXISTS answers (FROM notes)").rows == 0
    assert said(own, "DROP TABLE answers").words == "answers was dropped"
    assert said(own, "DROP TABLE IF EXISTS answers").words == "there is no answers, so nothing was changed"


def test_columns_are_made_as_they_are_written(own: Session, connection: Any) -> None:
    """With the digits of a DECIMAL, the key and NOT NULL."""
    own.sql("CREATE TABLE prices (id INT, name TEXT NOT NULL, price DECIMAL(12, 4), PRIMARY KEY (id))")
    own.sql("INSERT INTO prices VALUES (1, 'a', 1.23456)")
    own.sql("INSERT OR REPLACE INTO prices VALUES (1, 'b', 2.00005)")
    assert connection.execute("SELECT id, name, price::VARCHAR FROM prices").fetchall() == [
        (1, "b", "2.0001")
    ]
    with pytest.raises(StatementError, match="NOT NULL constraint failed"):
        own.sql("INSERT INTO prices (id) VALUES (2)")


def test_files_keep_the_digits_and_refuse_keys(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """A file has no constraints, and none is dropped in silence."""
    session = open_session(files=tmp_path)
    session.sql("CREATE TABLE files.prices (id INT, price DECIMAL(12, 4))")
    found = session.sql("INSERT INTO files.prices VALUES (1, 1.2345); DESCRIBE files.prices")
    assert found.values.tolist() == [["id", "INTEGER"], ["price", "DECIMAL(12,4)"]]
    for column in ("id INT PRIMARY KEY", "id INT NOT NULL"):
        with pytest.raises(StatementError) as caught:
            session.sql(f"CREATE TABLE files.keyed ({column})")
        assert str(caught.value) == (
            "files.keyed can have no PRIMARY KEY and no NOT NULL; leave them out, and name the columns that "
            "tell rows apart by SET files.keyed.key = '…'"
        )


def test_the_keys_of_the_table_count(own: Session, connection: Any) -> None:
    """OR IGNORE and OR REPLACE go by PRIMARY KEY."""
    own.sql("INSERT INTO shop.seen VALUES (1, 'a'), (2, 'b')")
    done = said(own, "INSERT OR IGNORE INTO shop.seen VALUES (2, 'x'), (3, 'c')")
    assert done.words == "1 row inserted into shop.seen, 1 left out: the key is there"
    own.sql("INSERT OR REPLACE INTO shop.seen SELECT 1 AS id, 'z' AS answer")
    rows = connection.execute("SELECT * FROM shop.seen ORDER BY id").fetchall()
    assert rows == [(1, "z"), (2, "b"), (3, "c")]
    with pytest.raises(StatementError, match=r"(?i)duplicate key"):
        own.sql("INSERT INTO shop.seen VALUES (1, 'y')")
    with pytest.raises(StatementError, match=r"the key of shop.seen is its PRIMARY KEY: leave BY \(…\) out"):
        own.sql("INSERT OR REPLACE INTO shop.seen BY (answer) VALUES (1, 'y')")


def test_schemas_show(own: Session) -> None:
    """SHOW TABLES names the schema of a table that is not in main."""
    tables = own.sql("SHOW TABLES")
    assert tables.iloc[:, 0].tolist() == ["m", "notes", "shop.seen"]
    assert own.sql("DESCRIBE shop.seen")["column_name"].tolist() == ["id", "answer"]


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        (
            "CREATE TABLE notes AS SELECT m.answer FROM notes AS n JOIN m",
            AlreadyExistsError,
            "notes exists already",
        ),
        ("CREATE TABLE m AS SELECT m.answer FROM notes AS n JOIN m", AlreadyExistsError, "m is a model"),
        (
            "CREATE TABLE shp.x AS SELECT m.answer FROM notes AS n JOIN m",
            NotFoundError,
            "did you mean 'shop'",
        ),
        ("INSERT INTO note SELECT m.answer FROM notes AS n JOIN m", NotFoundError, "did you mean 'notes'"),
        ("DROP TABLE nothing", NotFoundError, "the table nothing does not exist"),
        ("DROP TABLE information_schema.tables", NotFoundError, "does not exist"),
    ],
)
def test_nothing_is_asked_for_what_cannot_be_written(
    own: Session, asked: Any, statement: str, kind: type[Exception], message: str
) -> None:
    """The table, its columns and its schema are looked at first."""
    with pytest.raises(kind) as caught:
        own.sql(statement)
    assert message in str(caught.value)
    assert asked.rows == 0


@pytest.mark.parametrize(
    ("columns", "message"), [("", "notes has no column answer"), (" (id, text)", "names 2 columns for 1")]
)
def test_nothing_is_sent_for_columns_that_are_not_there(
    connection: Any, provider: OfflineProvider, columns: str, message: str
) -> None:
    """The columns of the query are known before it is run."""
    with Session(connection=connection) as session:
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL a PREDICT answer USING engine = 'e', model = 'one', column = 'text'"
        )
        before = len(provider.requests)
        with pytest.raises(StatementError, match=re.escape(message)):
            session.sql(f"INSERT INTO notes{columns} SELECT a.answer FROM notes AS n JOIN a")
        assert len(provider.requests) == before
        session.sql("INSERT INTO notes (text) SELECT a.answer FROM notes AS n JOIN a")
        assert len(provider.requests) == before + 1
    assert len(connection.execute("FROM notes").fetchall()) == 2


def test_without_a_connection_only_files_are_written(session: Session, tmp_path: Path) -> None:
    """The session's own DuckDB keeps no tables."""
    with pytest.raises(StatementError, match="only tables of files can be written"):
        session.sql("CREATE TABLE x AS SELECT 1 AS a")


# Connections that cannot be used


def _closed() -> Any:
    connection = duckdb.connect()
    connection.close()
    return connection


def _aborted() -> Any:
    connection = duckdb.connect()
    connection.execute("BEGIN")
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT error('x')")
    return connection


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_closed, "connection error: Connection already closed!"),
        (_aborted, "transactioncontext error: Current transaction is aborted (please ROLLBACK)"),
    ],
)
@pytest.mark.parametrize(
    "statement",
    ["SELECT upper('a') AS a", "SELECT * FROM t", "SHOW TABLES", "CREATE TABLE x (SELECT 1 AS a)",
     "INSERT INTO x VALUES (1)", "DROP TABLE x", "DESCRIBE t", "SELECT * FROM registered"],
)  # fmt: skip
def test_a_connection_that_is_of_no_use_is_said(
    make: Callable[[], Any], message: str, statement: str
) -> None:
    """DuckDB's own error came through, with its traceback."""
    with Session(connection=make()) as session:
        session.register("registered", [{"a": 1}])
        with pytest.raises(StatementError) as caught:
            session.sql(statement)
    assert str(caught.value) == message


@pytest.mark.parametrize("connection", [5, duckdb, object(), Path])
def test_what_is_no_connection_is_said(connection: Any) -> None:
    """The error names its type."""
    with pytest.raises(UsageError) as caught:
        Session(connection=connection)
    assert str(caught.value) == (
        f"connection is of the type {type(connection).__name__}; give duckdb.connect(…), or the path of a "
        "database file"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x AS SELECT m.answer FROM notes JOIN m",
        "INSERT INTO notes (text) SELECT m.answer FROM notes JOIN m",
    ],
)
def test_a_read_only_database_is_said_before_anything_is_paid(
    statement: str, provider: OfflineProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers were asked first."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    path = tmp_path / "own.db"
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE notes AS SELECT 'works' AS text")
    with duckdb.connect(str(path), read_only=True) as connection, Session(connection=connection) as session:
        session.sql(
            "CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e', model = 'gpt-4o-mini'"
        )
        before = len(provider.requests)
        with pytest.raises(StatementError) as caught:
            session.sql(statement)
    assert str(caught.value) == (
        "the database of the connection is read-only; open it with duckdb.connect(…, read_only=False), or write "
        "to files: CREATE TABLE files.x"
    )
    assert len(provider.requests) == before


def test_a_name_with_a_dot(own: Session, connection: Any) -> None:
    """SHOW TABLES lists it, and it could not be selected."""
    connection.execute(
        'CREATE TABLE "we.ird" AS SELECT 1 AS a; CREATE SCHEMA "s.x"; CREATE TABLE "s.x"."t.y" AS SELECT 2 AS a'
    )
    assert own.sql("SELECT a FROM `we.ird`")["a"].tolist() == [1]
    assert own.sql("SELECT a FROM `s.x`.`t.y`")["a"].tolist() == [2]
    assert own.sql("SELECT text FROM main.notes")["text"].tolist() == ["works"]
