"""Files of SQLite that several processes share and only their owner can read."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def writing(path: Path, schema: str, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file for one transaction, which is committed at the end and taken back when something fails.

    A damaged file is set aside under another name, with a warning, and a new one begun.

    Args:
        path: The file. It and its folder are made where they are missing.
        schema: Statements that make what is in a new file, and do nothing to another.
        seconds: How long other processes are waited for.

    Raises:
        OSError: The folder or the file cannot be used.
        sqlite3.Error: Likewise.
    """

    def begin(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            for statement in schema.split(";"):
                connection.execute(statement)

    connection, inode = opened(path, begin, seconds=seconds)
    try:
        yield connection
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if not isinstance(error, sqlite3.OperationalError):
            set_aside(path, inode, error)
        raise
    finally:
        connection.close()  # what is not committed is taken back


@contextlib.contextmanager
def reading(path: Path, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file that is there to read it.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    with contextlib.closing(_connected(path, "ro", seconds)) as connection:
        yield connection


@contextlib.contextmanager
def looking(path: Path, *, seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a file to look at it, so that nothing is made, not even the side files of SQLite.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    # Where nobody has it open there is no log, and what the file itself says is all.
    is_open = path.with_name(f"{path.name}-wal").exists()
    with contextlib.closing(_connected(path, "ro" if is_open else "ro&immutable=1", seconds)) as connection:
        yield connection


def damage(path: Path, *, seconds: float) -> str | None:
    """Say how a file is damaged, or None; nothing is made or changed.

    Raises:
        sqlite3.OperationalError: It cannot be read.
    """
    try:
        with looking(path, seconds=seconds) as connection:
            [said] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        said = str(error)
    return None if said == "ok" else str(said)


def _connected(path: Path, mode: str, seconds: float) -> sqlite3.Connection:
    # By its address, because by its path SQLite would make a file that everybody can read.
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, timeout=seconds, isolation_level=None)
    connection.text_factory = _text
    return connection


def opened(
    path: Path, prepare: Callable[[sqlite3.Connection], None], *, seconds: float
) -> tuple[sqlite3.Connection, int]:
    """Open a file to write, in WAL mode, and do with it what comes first.

    A damaged file is set aside under another name, with a warning, and a new one begun.

    Args:
        path: The file. It and its folder are made where they are missing.
        prepare: What comes first; done again where the file turns out to be damaged.
        seconds: How long other processes are waited for.

    Returns:
        The connection, and the number by which the file system knows the file.

    Raises:
        OSError: The folder or the file cannot be used.
        sqlite3.Error: Likewise.
    """
    until = time.monotonic() + seconds
    is_aside = False
    while True:
        inode = _make(path)
        try:
            return _prepared(path, prepare, seconds), inode
        except sqlite3.OperationalError as error:
            # Who makes a file one of WAL mode is not waited for by SQLite, whatever the timeout; and another
            # process may have set the file aside a moment ago.
            if ("locked" not in str(error) and path.exists()) or time.monotonic() > until:
                raise
            time.sleep(0.005)
        # The message of the second quotes what is in the file, which damage has made no text of.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if is_aside:
                raise
            is_aside = True
            set_aside(path, inode, error)


def set_aside(path: Path, inode: int, error: Exception) -> None:
    """Give a damaged file another name, unless another process has done so.

    Args:
        path: The file.
        inode: The number of the file that was found to be damaged.
        error: How that was noticed.

    Raises:
        OSError: It cannot be.
    """
    if path.stat().st_ino != inode:
        return  # this is the other process's new one
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
    logger.warning("%s is damaged (%s); it was set aside as %s", path, error, aside.name)


def _make(path: Path) -> int:
    for folder in (path.parent.parent, path.parent):  # a mode is not for parents
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # SQLite gives its side files the mode of this one.
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return os.fstat(opened).st_ino
    finally:
        os.close(opened)


def _prepared(
    path: Path, prepare: Callable[[sqlite3.Connection], None], seconds: float
) -> sqlite3.Connection:
    connection = _connected(path, "rw", seconds)
    try:
        # Records are some hundred bytes, and a commit writes whole pages.
        connection.execute("PRAGMA page_size = 2048")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(written: bytes) -> str:
    """Read a text; what damage has made of it fails nothing."""
    return written.decode("utf-8", "replace")
