"""SQLite files that several processes share and only their owner can read.

`PRAGMA user_version` holds the version of a file's schema. Each store has a list of migrations, and migration
k takes a file from version k to k + 1. Files of releases without versions have version 0, as new files do, so
the first migration makes only what is missing. A file of a newer version is never opened for writing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import NewerFileError
from ..foreign_text import logger_of
from .private_files import has_locks, make_private, open_private

logger = logger_of(__name__)

_ANOTHER = "name another folder by PORTKEY_HANDLER_HOME"
#: What SQLite says, and what it means to a user.
_MEANINGS = {
    "unable to open database file": f"it cannot be written; make it writable, or {_ANOTHER}",
    "attempt to write a readonly database": f"it cannot be written; make it writable, or {_ANOTHER}",
    "file is not a database": "it is damaged; delete it",
    "database disk image is malformed": "it is damaged; delete it",
    "database or disk is full": "the disk is full; make room there",
    "database is locked": "another process holds it; if that process was stopped, end it",
}

#: The migrations of a store, each of them a list of statements.
Migrations = Sequence[Sequence[str]]

_HEADER = b"SQLite format 3\0"
#: The place of the version in a file; see "The Database Header" of SQLite's "Database File Format".
_VERSION = slice(60, 64)


def reason_of(error: Exception) -> str:
    """Return what an error of a store means, and the remedy where one is known."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _MEANINGS.get(str(error), str(error))


@contextlib.contextmanager
def writing(path: Path, migrations: Migrations, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file for one transaction, which is committed at the end and rolled back on an error.

    A damaged file is renamed and replaced by a new one, with a warning.

    Args:
        path: The file. It and its folder are made where they are missing.
        migrations: Those of the store.
        seconds: How long other processes are waited for.

    Raises:
        NewerFileError: The file has a newer version.
        OSError: The folder or the file cannot be used.
        sqlite3.Error: Likewise.
    """

    def begin(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")

    connection, inode = opened(path, migrations, begin, seconds=seconds)
    try:
        yield connection
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if not isinstance(error, sqlite3.OperationalError):
            set_aside(path, inode, error)
        raise
    finally:
        connection.close()  # rolls back what is not committed


@contextlib.contextmanager
def reading(path: Path, migrations: Migrations, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open an existing file to read it. It may have an older version.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.Error: It cannot be read.
    """
    with contextlib.closing(opened_to_read(path, migrations, seconds=seconds)) as connection:
        yield connection


def opened_to_read(path: Path, migrations: Migrations, *, seconds: float) -> sqlite3.Connection:
    """Open an existing file to read it, also in a folder in which nothing can be written.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.Error: It cannot be read.
    """
    _check_kind(path)
    if has_locks(path.parent):
        try:
            refuse_newer(path, migrations, seconds=seconds)
            return _readable(path, "ro", seconds, migrations)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):  # another process changes it at this moment
                raise
    # SQLite cannot make the side files of a log there. The file itself is complete but for the log.
    return _readable(path, "ro&immutable=1", seconds, migrations)


@contextlib.contextmanager
def looking(path: Path, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file to read it without making anything, not even the side files of SQLite.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    _check_kind(path)
    # Where no process has it open there is no log, and the file itself is complete.
    is_open = path.with_name(f"{path.name}-wal").exists()
    with contextlib.closing(_connected(path, "ro" if is_open else "ro&immutable=1", seconds)) as connection:
        yield connection


def damage(path: Path, migrations: Migrations, *, seconds: float) -> str | None:
    """Return how a file is damaged, or None. Nothing is made or changed.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.OperationalError: It cannot be read.
    """
    try:
        refuse_newer(path, migrations, seconds=seconds)
        with looking(path, seconds=seconds) as connection:
            [said] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        said = str(error)
    return None if said == "ok" else str(said)


def refuse_newer(path: Path, migrations: Migrations, *, seconds: float) -> None:
    """Check the version of an existing file. Nothing is made or changed.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.Error: It cannot be read.
    """
    _check_kind(path)
    # The newest header may still be in the log. Without a log no process has the file open, and its header is
    # read directly, because SQLite would make side files.
    if path.with_name(f"{path.name}-wal").exists():
        with contextlib.closing(_connected(path, "ro", seconds)) as connection:
            _check(connection, path, migrations)
        return
    try:
        with path.open("rb") as file:
            header = file.read(_VERSION.stop)
    except OSError:
        return  # SQLite gives the error when it opens the file
    if header.startswith(_HEADER):
        _refuse(path, int.from_bytes(header[_VERSION], "big"), migrations)


def _check(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> int:
    """Return the version of an open file, or raise `NewerFileError`."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    _refuse(path, version, migrations)
    return version


def _readable(path: Path, mode: str, seconds: float, migrations: Migrations) -> sqlite3.Connection:
    """Return a connection that has read the file."""
    connection = _connected(path, mode, seconds)
    try:
        _check(connection, path, migrations)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse(path: Path, version: int, migrations: Migrations) -> None:
    if version > len(migrations):
        remedy = "name another folder by PORTKEY_HANDLER_HOME"
        raise NewerFileError.of(path, version, len(migrations), remedy)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    """Migrate an open file to the newest version, in one transaction."""
    if _check(connection, path, migrations) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have migrated it before the transaction began.
    for statements in migrations[_check(connection, path, migrations) :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations):d}")
    connection.execute("COMMIT")


def _connected(
    path: Path, mode: str, seconds: float, *, check_same_thread: bool = True
) -> sqlite3.Connection:
    # By URI, because SQLite given a path would make a file that all users can read.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=check_same_thread,
    )
    connection.text_factory = _text
    return connection


def opened_unlogged(path: Path, migrations: Migrations, *, seconds: float) -> sqlite3.Connection:
    """Open a small file that is written often and may be lost, for use in any thread.

    It has no log, and nothing is forced to the disk. A damaged file is not replaced.

    Args:
        path: The file. It and its folder are made where they are missing.
        migrations: Those of the store.
        seconds: How long other processes are waited for.

    Raises:
        NewerFileError: The file has a newer version.
        OSError: The folder or the file cannot be used.
        sqlite3.Error: Likewise.
    """
    _make(path)
    connection = _connected(path, "rw", seconds, check_same_thread=False)
    try:
        _check(connection, path, migrations)
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = OFF")
        _migrate(connection, path, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def opened(
    path: Path, migrations: Migrations, prepare: Callable[[sqlite3.Connection], None], *, seconds: float
) -> tuple[sqlite3.Connection, int]:
    """Open a file to write, in WAL mode and with the newest schema, and prepare it.

    A damaged file is renamed and replaced by a new one, with a warning.

    Args:
        path: The file. It and its folder are made where they are missing.
        migrations: Those of the store.
        prepare: Called with the connection; again where the file turns out to be damaged.
        seconds: How long other processes are waited for.

    Returns:
        The connection, and the file's inode number.

    Raises:
        NewerFileError: The file has a newer version.
        OSError: The folder or the file cannot be used.
        sqlite3.Error: Likewise.
    """
    until = time.monotonic() + seconds
    is_aside = False
    while True:
        inode = _make(path)
        try:
            return _prepared(path, migrations, prepare, seconds), inode
        except sqlite3.OperationalError as error:
            # SQLite does not wait for a process that switches the file to WAL mode, whatever the timeout.
            # And another process may have renamed the file a moment ago.
            if ("locked" not in str(error) and path.exists()) or time.monotonic() > until:
                raise
            time.sleep(0.005)
        # A UnicodeDecodeError comes from SQLite's message, which quotes bytes of a damaged file.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if is_aside:
                raise
            is_aside = True
            set_aside(path, inode, error)


def set_aside(path: Path, inode: int, error: Exception) -> None:
    """Rename a damaged file, unless another process has done so.

    Args:
        path: The file.
        inode: The inode number of the damaged file.
        error: The error that showed the damage.

    Raises:
        OSError: The file cannot be renamed.
    """
    if path.stat().st_ino != inode:
        return  # another process has replaced it
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
    logger.warning("%s is damaged (%s); it was set aside as %s", path, error, aside.name)


def _make(path: Path) -> int:
    """Make a file where it is missing; return its inode number.

    A file that is there is not opened: closing it would end the locks that SQLite holds on it in this process
    (see "How To Corrupt An SQLite Database File", 2.2), and its log would be deleted under open connections.
    """
    make_private(path.parent.parent, path.parent)
    _check_kind(path)
    if not has_locks(path.parent):
        # Else SQLite would wait, as if another process held the file.
        raise OSError(f"its file system has no locks, which processes need to share a file; {_ANOTHER}")
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            # SQLite gives its side files the mode of this one.
            os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    return path.stat().st_ino


def _check_kind(path: Path) -> None:
    """Refuse what is no file: SQLite says nothing of use of a folder, and waits for ever at a pipe.

    Raises:
        sqlite3.OperationalError: It is none.
    """
    if os.path.lexists(path) and not path.is_file():
        raise sqlite3.OperationalError(f"{path.name} is not a file; move it away, or {_ANOTHER}")


def _prepared(
    path: Path, migrations: Migrations, prepare: Callable[[sqlite3.Connection], None], seconds: float
) -> sqlite3.Connection:
    refuse_newer(path, migrations, seconds=seconds)
    connection = _connected(path, "rw", seconds)
    try:
        # Rows are some hundred bytes, and a commit writes whole pages.
        connection.execute("PRAGMA page_size = 2048")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that a new file can shrink in steps
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection, path, migrations)
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(written: bytes) -> str:
    """Decode a text; bytes that damage has made invalid are replaced."""
    return written.decode("utf-8", "replace")
