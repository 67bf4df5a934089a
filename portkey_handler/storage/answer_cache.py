"""The answer cache: an answer that was paid for once is not requested, and not paid, again.

It is an append-only SQLite file per engine. It holds digests of items and their answers, neither prompts nor
keys of the gateway. The digests are read into memory when the file is opened, because an index over them
would make writing ten times as expensive. Several queries may use one file at once, in threads and processes:
an item that one of them has sent is not sent by the others, which get its answer.

An answer is on disk before another request takes its place in flight, so that a killed process loses at most
the answers in flight. Commits are not forced to the disk: the file survives the end of the process at any
moment, and a power cut may lose the last seconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from ..errors import NewerFileError
from ..foreign_text import logger_of
from ..records import Outcome
from .answer_format import BUSY_SECONDS, MIGRATIONS, checksum_of, decode, encode, number_of_names
from .key_locks import KeyLocks
from .private_files import writable_by_others
from .sqlite import opened, opened_to_read, reading, set_aside

logger = logger_of(__name__)

_INSERT = "INSERT INTO answers (key, made_at, expires_at, answer, checksum, names) VALUES (?, ?, ?, ?, ?, ?)"
#: An answer from the future was made while the clock was wrong: nobody knows how old it is.
_USABLE = "made_at BETWEEN ? AND ? AND expires_at >= ?"
_NEWEST_LAST = f"SELECT key, number FROM answers WHERE {_USABLE} ORDER BY number"  # noqa: S608 - constants
_NEWER = f"SELECT key, number FROM answers WHERE number > ? AND {_USABLE} ORDER BY number"  # noqa: S608 - likewise
_SELECT = "SELECT made_at, answer, checksum, names FROM answers WHERE number = ? AND key = ?"
#: Seconds between two checks for answers of other queries, while none was seen.
_BETWEEN_LOOKS = 0.001
#: Seconds that another process is waited for when the file is opened; then its answers are only read.
_OPEN_SECONDS = 3.0
#: Seconds by which the clocks of machines that share a folder may differ.
_CLOCKS_DIFFER = 300.0


class AnswerCache:
    """The cached answers of one engine. Open and use it in one event loop.

    A fault of the file never fails a query: a warning and `fault` say what happened, and no further answers
    are cached. A damaged file is renamed and replaced. An answer with a wrong checksum, which SQLite does not
    notice, is requested again.

    Args:
        path: The file. It and its folder are made where they are missing, readable by their owner only.
        reuse: Seconds for which an answer may be used again. 0 uses no cached answer, and does not wait for
            other queries.
        keep: Seconds for which new answers are kept.
        only_look: Read only: nothing is made, deleted, renamed, locked or written.

    Attributes:
        fault: Why no further answers are cached, or None.
        oldest_used: When the oldest used answer was made, in seconds since 1970, or None.
    """

    def __init__(self, path: Path, *, reuse: float, keep: float, only_look: bool = False) -> None:
        self.fault: str | None = None
        self.oldest_used: float | None = None
        self._path = path
        self._keep = keep
        self._reuse = reuse
        self._numbers: dict[bytes, int] = {}
        self._connection: sqlite3.Connection | None = None
        # Where the file cannot be written, its answers are read all the same.
        self._reader: sqlite3.Connection | None = None
        self._taken: list[tuple[bytes, float, float, bytes, int, int]] = []
        # The number of the names of new answers in the file, and the names by number.
        self._number_of_names = 0
        self._names: dict[int, str] = {}
        self._inode = 0
        self._claims: KeyLocks | None = None
        # The last answer that was read, the file's version at that time, and how many were written since.
        self._seen = 0
        self._version = 0
        self._own = 0
        self._look_at = 0.0
        self._has_company = False
        self._doubted = False
        if (why := writable_by_others(path.parent.parent)) is not None:
            self.fault = (
                f"{path.parent.parent} {why}, who could put answers there; run: chmod o-w, or name another"
            )
            logger.warning("answers are not cached: %s", self.fault)
            return
        if only_look:
            self._look(reuse)
            return
        try:
            self._connection, self._inode = opened(
                path, MIGRATIONS, lambda connection: self._prepare(connection, reuse), seconds=_OPEN_SECONDS
            )
            self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000):d}")
        except (OSError, sqlite3.Error, NewerFileError) as error:
            self._give_up(error)
            return
        if reuse > 0:
            self._claims = KeyLocks(path.with_suffix(".claims"))

    def has(self, key: bytes) -> bool:
        """Return whether there is a cached answer for an item, without reading it."""
        return key in self._numbers

    def cached(self, key: bytes) -> Outcome | None:
        """Return the cached outcome of an item, or None."""
        number = self._numbers.get(key)
        connection = self._connection or self._reader
        if number is None or connection is None:
            return None
        try:
            row = connection.execute(_SELECT, (number, key)).fetchone()
            if row is not None and row[3] not in self._names:  # names of another release
                self._names = dict(connection.execute("SELECT number, names FROM evidence_names"))
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if row is None:  # another process has deleted it meanwhile
            return None
        try:
            if checksum_of(key, row[1]) != row[2]:
                raise ValueError("the checksum does not match")
            made_at: float = row[0]
            value, evidence = decode(row[1], self._names[row[3]], made_at)
        except (ValueError, TypeError, KeyError) as error:
            self._doubt(error)
            return None
        self.oldest_used = made_at if self.oldest_used is None else min(self.oldest_used, made_at)
        return Outcome(value, evidence=evidence)

    def claim(self, key: bytes) -> bool:
        """Lock an item until its outcome is on disk; return False where another query has sent it.

        An item with a cached answer, also of another query, needs no lock and gives True.
        """
        if self._claims is None or key in self._numbers:
            return True
        if not self._claims.claim(key):
            self._has_company = True
            return False
        # After the lock, because the query that had it before wrote the answer first. A check costs as much
        # as a lock, and most queries are alone.
        if self._has_company or time.monotonic() >= self._look_at:
            self._catch_up()
            if key in self._numbers:
                self._release(key)
        return True

    def put(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
        """Take outcomes, which are on disk when `flush` returns. Failures are not cached."""
        if self._connection is None:
            return
        now = time.time()
        for key, outcome in outcomes:
            if outcome.failed or outcome.evidence is None:
                self._release(key)
                continue
            try:
                answer = encode(outcome.value, outcome.evidence)
            except orjson.JSONEncodeError as error:  # nested more deeply than can be written
                logger.warning("an answer is not cached for later queries: %s", error)
                self._release(key)
                continue
            checksum = checksum_of(key, answer)
            self._taken.append((key, now, now + self._keep, answer, checksum, self._number_of_names))

    def flush(self) -> None:
        """Write the taken outcomes in one commit; where that fails, `fault` says why.

        This runs in the event loop, because a commit takes less time than the change to a thread.
        """
        rows, self._taken = self._taken, []
        if not rows or self._connection is None:
            return
        try:
            if len(rows) == 1:
                self._connection.execute(_INSERT, rows[0])
            else:
                with self._transaction(self._connection):
                    self._connection.executemany(_INSERT, rows)
        except sqlite3.Error as error:
            self._give_up(error)
            return
        self._own += len(rows)
        if self._claims is not None:
            for row in rows:
                self._claims.release(row[0])

    @staticmethod
    @contextlib.contextmanager
    def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Write the taken outcomes, and close the file."""
        self.flush()
        for connection in (self._connection, self._reader):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._connection = self._reader = None
        self._release_all()

    def _release(self, key: bytes) -> None:
        if self._claims is not None:
            self._claims.release(key)

    def _release_all(self) -> None:
        claims, self._claims = self._claims, None
        if claims is not None:
            claims.close()

    def _catch_up(self) -> None:
        """Read which answers other queries have written meanwhile."""
        if self._connection is None:
            return
        self._look_at = time.monotonic() + _BETWEEN_LOOKS
        try:
            version = self._version_of(self._connection)
            if version == self._version:
                self._seen += self._own  # they are known: no other query has written
                self._own = 0
                return
            self._version = version
            self._own = 0
            self._has_company = True
            now = time.time()
            newer = self._connection.execute(_NEWER, (self._seen, *_between(now, self._reuse))).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return
        self._numbers.update(newer)
        if newer:
            self._seen = newer[-1][1]

    @staticmethod
    def _version_of(connection: sqlite3.Connection) -> int:
        """Return a number that changes when another connection commits."""
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _look(self, reuse: float) -> None:
        """Read which answers there are, and close the file."""
        if reuse <= 0 or not self._path.exists():
            return
        try:
            # Read only, so that nothing can change the file.
            with reading(self._path, MIGRATIONS, seconds=BUSY_SECONDS) as connection:
                self._numbers = dict(connection.execute(_NEWEST_LAST, _between(time.time(), reuse)))
        except (sqlite3.Error, NewerFileError) as error:
            self.fault = self._unusable(error)
            logger.warning("cached answers are not known: %s", self.fault)

    def _prepare(self, connection: sqlite3.Connection, reuse: float) -> None:
        # Moving the log into the file stops the loop for a moment, so it is done seldom: 16 MB at a time.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        now = time.time()
        self._number_of_names = number_of_names(connection)
        connection.execute("DELETE FROM answers WHERE expires_at < ?", (now,))
        if reuse > 0:
            self._version = self._version_of(connection)
            [self._seen] = connection.execute("SELECT coalesce(max(number), 0) FROM answers").fetchone()
            self._numbers = dict(connection.execute(_NEWEST_LAST, _between(now, reuse)))

    def _doubt(self, error: Exception) -> None:
        if not self._doubted:
            self._doubted = True
            said = "the answer cache %s is damaged (%s): damaged answers are requested again"
            logger.warning(said, self._path.name, error)

    def _give_up(self, error: Exception) -> None:
        is_damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        )
        # What is only read may be changed by its owner at this moment, and look damaged.
        if is_damaged and self._reader is None:
            with contextlib.suppress(OSError):
                set_aside(self._path, self._inode, error)
        self.fault = self._unusable(error)
        self._release_all()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        can_read = self._reader is None and isinstance(error, (OSError, sqlite3.OperationalError))
        used = self._read_only() if can_read else 0
        kept = f"; the {used:,} that are in the cache are used" if used else ""
        logger.warning("answers are not cached: %s%s", self.fault, kept)

    def _read_only(self) -> int:
        """Open the file to read it; return how many of its answers can be used."""
        if self._reuse <= 0:
            return 0
        try:
            self._reader = opened_to_read(self._path, MIGRATIONS, seconds=_OPEN_SECONDS)
            self._numbers = dict(self._reader.execute(_NEWEST_LAST, _between(time.time(), self._reuse)))
        except (OSError, sqlite3.Error, NewerFileError):
            self._numbers = {}
        return len(self._numbers)

    def _unusable(self, error: Exception) -> str:
        if isinstance(error, NewerFileError):
            return str(error)
        return f"{self._path.parent} cannot be used: {error}"


def _between(now: float, reuse: float) -> tuple[float, float, float]:
    """Return the moments between which a usable answer was made, and the one until which it is kept."""
    return now - reuse, now + _CLOCKS_DIFFER, now
