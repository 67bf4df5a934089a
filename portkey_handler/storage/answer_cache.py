"""The answer cache: an answer that was paid for once is not requested, and not paid, again.

It is an append-only SQLite file per engine. It holds digests of items and their answers, neither prompts nor
keys of the gateway. An index over the digests in SQLite would make writing ten times as expensive, so the
index is a file beside it (`storage.key_index`). Several queries may use one file at once, in threads and
processes: an item that one of them has sent is not sent by the others, which get its answer.

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
from .expiry import sweep
from .key_locks import KeyLocks
from .known_answers import KnownAnswers, last_number
from .private_files import writable_by_others
from .sqlite import opened, opened_to_read, reason_of, set_aside

logger = logger_of(__name__)

_INSERT = "INSERT INTO answers (key, made_at, expires_at, answer, checksum, names) VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT made_at, answer, checksum, names FROM answers WHERE number = ? AND key = ?"
#: Seconds between two checks for answers of other queries, while none was seen.
_BETWEEN_LOOKS = 0.001
#: Seconds that another process is waited for when the file is opened; then its answers are only read.
_OPEN_SECONDS = 3.0


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
        self._known = KnownAnswers(path.with_suffix(".keys"), reuse)
        self._connection: sqlite3.Connection | None = None
        # Where the file cannot be written, its answers are read all the same.
        self._reader: sqlite3.Connection | None = None
        self._taken: list[tuple[bytes, float, float, bytes, int, int]] = []
        # The number of the names of new answers in the file, and the names by number.
        self._number_of_names = 0
        self._names: dict[int, str] = {}
        self._inode = 0
        self._claims: KeyLocks | None = None
        # The file's version at the last look, how many answers were written since, and how many in all.
        self._version = 0
        self._own = 0
        self._written = 0
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
            self._look()
            return
        try:
            self._connection, self._inode = opened(path, MIGRATIONS, self._prepare, seconds=_OPEN_SECONDS)
            self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000):d}")
        except (OSError, sqlite3.Error, NewerFileError) as error:
            self._give_up(error)
            return
        if reuse > 0:
            self._claims = KeyLocks(path.with_suffix(".claims"))

    def has(self, key: bytes) -> bool:
        """Return whether there is a cached answer for an item, without reading it."""
        return self._number_of(key) is not None

    def cached(self, key: bytes) -> Outcome | None:
        """Return the cached outcome of an item, or None."""
        number = self._number_of(key)
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

    def _number_of(self, key: bytes) -> int | None:
        """Return the number of an item's newest answer that may be used, or None."""
        connection = self._connection or self._reader
        if connection is None:
            return None
        try:
            return self._known.number_of(key, connection)
        except sqlite3.Error as error:
            self._give_up(error)
            return None

    def claim(self, key: bytes) -> bool:
        """Lock an item until its outcome is on disk; return False where another query has sent it.

        An item with a cached answer, also of another query, needs no lock and gives True.
        """
        if self._claims is None or self.has(key):
            return True
        if not self._claims.claim(key):
            self._has_company = True
            return False
        # After the lock, because the query that had it before wrote the answer first. A check costs as much
        # as a lock, and most queries are alone.
        if self._has_company or time.monotonic() >= self._look_at:
            self._catch_up()
            if self.has(key):
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
        self._written += len(rows)
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
        self._check_it_is_there()
        self._tidy()
        self._close_connections()
        self._release_all()

    def _close_connections(self) -> None:
        for connection in (self._connection, self._reader):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._connection = self._reader = None

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
                self._known.seen += self._own  # they are known: no other query has written
                self._own = 0
                return
            self._version = version
            self._own = 0
            self._has_company = True
            self._known.read_newer(self._connection)
        except sqlite3.Error as error:
            self._give_up(error)

    @staticmethod
    def _version_of(connection: sqlite3.Connection) -> int:
        """Return a number that changes when another connection commits."""
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _look(self) -> None:
        """Open the file to read it, if it is there."""
        if self._reuse <= 0:
            return
        try:
            if not self._path.exists():
                return
            # Read only, so that nothing can change the file.
            self._reader = opened_to_read(self._path, MIGRATIONS, seconds=BUSY_SECONDS)
            self._known.read(self._reader)
        except (OSError, sqlite3.Error, NewerFileError) as error:
            self._close_connections()
            self.fault = self._unusable(error)
            logger.warning("cached answers are not known: %s", self.fault)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Moving the log into the file stops the loop for a moment, so it is done seldom: 16 MB at a time.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        self._number_of_names = number_of_names(connection)
        if self._reuse > 0:
            self._version = self._version_of(connection)
            self._known.read(connection)

    def _check_it_is_there(self) -> None:
        """Warn where the answers were written to a file that somebody has deleted or replaced."""
        if self._connection is None or not self._written:
            return
        try:
            is_there = self._path.stat().st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            self.fault = f"{self._path} was deleted while the query ran"
            logger.warning("answers are not cached: %s", self.fault)

    def _tidy(self) -> None:
        """Bring the index up to date, and delete some of the answers whose time is over."""
        if self._connection is None:
            return
        with contextlib.suppress(sqlite3.Error):  # the next query does it
            covered = self._known.merge(self._connection)
            sweep(self._connection, time.time(), self._written, covered)

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
        was_read = self._reader is not None
        if is_damaged and not was_read:
            with contextlib.suppress(OSError):
                set_aside(self._path, self._inode, error)
        self.fault = self._unusable(error)
        self._release_all()
        self._close_connections()  # else each further row would meet the same error
        can_read = not was_read and isinstance(error, (OSError, sqlite3.OperationalError))
        kept = "; those that are in the cache are used" if can_read and self._read_only() else ""
        logger.warning("answers are not cached: %s%s", self.fault, kept)

    def _read_only(self) -> bool:
        """Open the file to read it; return whether its answers can be used."""
        if self._reuse <= 0:
            return False
        try:
            self._reader = opened_to_read(self._path, MIGRATIONS, seconds=_OPEN_SECONDS)
            self._known.read(self._reader)
            return last_number(self._reader) > 0
        except (OSError, sqlite3.Error, NewerFileError):
            self._close_connections()
            return False

    def _unusable(self, error: Exception) -> str:
        if isinstance(error, NewerFileError):
            return str(error)
        return f"{self._path.parent} cannot be used: {reason_of(error)}"
