"""Files of SQLite with a version: brought to the newest one once, and left alone where they are newer."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.errors import NewerFileError
from portkey_handler.storage import sqlite as database

#: The second migration can be made once only, and leaves a row each time it is made.
MIGRATIONS = (
    ("CREATE TABLE IF NOT EXISTS words (word)",),
    ("ALTER TABLE words ADD COLUMN length", "INSERT INTO words VALUES ('migrated', 8)"),
)
SECONDS = 20.0
#: What another process does: it waits for a file, and opens the store at once.
OPENING = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_sqlite import open_logged, open_unlogged
path = Path(sys.argv[1])
print("ready", flush=True)
while not path.with_name("go").exists():
    time.sleep(0.001)
{"logged": open_logged, "unlogged": open_unlogged}[sys.argv[3]](path)
"""


def open_logged(path: Path) -> None:
    """Open and close a store as the answers' and the run history's are."""
    database.opened(path, MIGRATIONS, lambda _: None, seconds=SECONDS)[0].close()


def open_unlogged(path: Path) -> None:
    """Open and close a store as the limits' is, which is tried again while others hold it."""
    until = time.monotonic() + SECONDS
    while True:
        try:
            return database.opened_unlogged(path, MIGRATIONS, seconds=0.01).close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise


def open_writing(path: Path) -> None:
    """Write one record and close."""
    with database.writing(path, MIGRATIONS, seconds=SECONDS) as connection:
        connection.execute("INSERT INTO words (word) VALUES ('new')")


def open_reading(path: Path) -> None:
    """Read one record and close."""
    with database.reading(path, MIGRATIONS, seconds=SECONDS) as connection:
        connection.execute("SELECT word FROM words").fetchone()


def execute(path: Path, *statements: str) -> list[Any]:
    """Do something to a file without the module that is tested; give the rows of the last statement."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def contents(folder: Path) -> dict[str, bytes]:
    """Give every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file that is not there, in a folder that is."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "store.sqlite"


@pytest.fixture
def old(path: Path) -> Path:
    """Give a file that was written before there were versions."""
    execute(
        path, "PRAGMA journal_mode = WAL", "CREATE TABLE words (word)", "INSERT INTO words VALUES ('old')"
    )
    return path


@pytest.mark.parametrize("opening", [open_logged, open_unlogged, open_writing])
def test_a_new_file_has_the_newest_version(opening: Callable[[Path], None], path: Path) -> None:
    """All migrations are made, and none again when it is opened the next time."""
    for _ in range(2):
        opening(path)
    assert execute(path, "PRAGMA user_version") == [(2,)]
    assert execute(path, "SELECT count(*) FROM words WHERE word = 'migrated'") == [(1,)]


@pytest.mark.parametrize("opening", [open_logged, open_unlogged, open_writing])
def test_a_file_without_a_version_is_migrated(opening: Callable[[Path], None], old: Path) -> None:
    """What is in it stays."""
    opening(old)
    assert execute(old, "PRAGMA user_version") == [(2,)]
    assert execute(old, "SELECT word, length FROM words LIMIT 2") == [("old", None), ("migrated", 8)]


def test_a_file_of_a_version_between_gets_what_it_lacks(path: Path) -> None:
    """The first migration is not made again."""
    execute(path, "CREATE TABLE words (word, other)", "PRAGMA user_version = 1")
    with pytest.raises(sqlite3.OperationalError, match="3 columns"):  # of the second one, which has begun
        open_logged(path)
    execute(path, "DROP TABLE words", "CREATE TABLE words (word)")
    open_logged(path)
    assert execute(path, "SELECT * FROM words") == [("migrated", 8)]


def test_a_migration_that_fails_changes_nothing(old: Path) -> None:
    """All are one transaction: the file keeps its version, its schema and its rows."""
    wrong = (*MIGRATIONS, ("ALTER TABLE words ADD COLUMN third", "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        database.opened(old, wrong, lambda _: None, seconds=SECONDS)
    assert execute(old, "PRAGMA user_version") == [(0,)]
    assert execute(old, "SELECT * FROM words") == [("old",)]
    open_logged(old)
    assert execute(old, "SELECT * FROM words") == [("old", None), ("migrated", 8)]


@pytest.mark.parametrize("kind", ["logged", "unlogged"])
def test_processes_that_open_it_at_once_migrate_it_once(kind: str, old: Path) -> None:
    """Whichever comes first."""
    if kind == "unlogged":
        execute(old, "PRAGMA journal_mode = DELETE")
    here = Path(__file__)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, str(old), str(here.parent), kind],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(here.parents[2])},
            text=True,
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    old.with_name("go").touch()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert said == [""] * 8
    assert execute(old, "SELECT * FROM words") == [("old", None), ("migrated", 8)]


def test_threads_that_open_it_at_once_migrate_it_once(old: Path) -> None:
    """Queries of one process do not stand in each other's way either."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            open_writing(old)
        except BaseException as error:
            errors.append(error)
            raise

    start = threading.Barrier(8)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert execute(old, "SELECT word, count(*) FROM words GROUP BY word ORDER BY word") == [
        ("migrated", 1), ("new", 8), ("old", 1),
    ]  # fmt: skip


def test_who_only_reads_migrates_nothing(old: Path) -> None:
    """An older file is read as it is."""
    before = old.read_bytes()
    open_reading(old)
    assert old.read_bytes() == before


# Newer files


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("opening", [open_logged, open_unlogged, open_writing, open_reading])
def test_a_newer_file_is_left_alone(opening: Callable[[Path], None], mode: str, old: Path) -> None:
    """It is neither changed nor set aside, nothing is made beside it, and the error says what to do."""
    execute(old, f"PRAGMA journal_mode = {mode}")
    execute(old, "PRAGMA user_version = 3")
    before = contents(old.parent)
    with pytest.raises(NewerFileError) as caught:
        opening(old)
    assert str(caught.value) == (
        f"{old} was written by a newer portkey-handler (it has version 3, and this release reads versions up "
        "to 2); upgrade portkey-handler, or name another folder by PORTKEY_HANDLER_HOME"
    )
    assert contents(old.parent) == before


@pytest.mark.parametrize("opening", [open_logged, open_writing, open_reading])
def test_a_version_that_is_still_in_the_log_counts(opening: Callable[[Path], None], old: Path) -> None:
    """A newer release was killed, or runs, and the file itself does not have the new version yet."""
    folder = old.parent.with_name("after a kill")
    with contextlib.closing(sqlite3.connect(old, isolation_level=None)) as newer:
        newer.execute("PRAGMA user_version = 3")
        before = contents(old.parent)
        with pytest.raises(NewerFileError):
            opening(old)
        assert contents(old.parent).keys() == before.keys()
        assert old.read_bytes() == before["store.sqlite"]
        shutil.copytree(old.parent, folder, ignore=shutil.ignore_patterns("*-shm"))
    with pytest.raises(NewerFileError):
        opening(folder / old.name)
    after = contents(folder)
    assert {name: after[name] for name in before if not name.endswith("-shm")} == {
        name: content for name, content in before.items() if not name.endswith("-shm")
    }


def test_a_newer_file_is_not_called_damaged(old: Path) -> None:
    """The same is said to who examines it."""
    assert database.damage(old, MIGRATIONS, seconds=SECONDS) is None
    execute(old, "PRAGMA user_version = 3")
    with pytest.raises(NewerFileError):
        database.damage(old, MIGRATIONS, seconds=SECONDS)


def test_a_file_that_is_damaged_is_not_called_newer(path: Path) -> None:
    """A version is believed only in a file of SQLite."""
    path.write_bytes(b"\xff" * 4096)
    open_logged(path)
    assert execute(path, "SELECT * FROM words") == [("migrated", 8)]
    assert len(list(path.parent.glob("store.sqlite.damaged-*"))) == 1


# What is no file


def _of_kind(kind: str, path: Path) -> None:
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(
            {"a link to nothing": "nothing", "a link to itself": path, "a device": "/dev/null"}[kind]
        )


@pytest.mark.skipif(os.name == "nt", reason="kinds of files of POSIX")
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link to nothing", "a link to itself", "a device"])
@pytest.mark.parametrize("opening", [open_logged, open_unlogged, open_writing, open_reading])
def test_what_is_no_file_is_said(opening: Callable[[Path], None], kind: str, path: Path) -> None:
    """It was a "disk I/O error", and at a pipe the query hung."""
    _of_kind(kind, path)
    with pytest.raises(sqlite3.OperationalError) as caught:
        opening(path)
    assert str(caught.value) == (
        "store.sqlite is not a file; move it away, or name another folder by PORTKEY_HANDLER_HOME"
    )
    with pytest.raises(sqlite3.OperationalError, match="is not a file"):
        database.damage(path, MIGRATIONS, seconds=SECONDS)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
