"""Answers paid for, on disk: what was answered once is not asked, and not paid, again.

An append-only SQLite file per engine. Keys are digests and answers are kept as they came; neither prompts nor
the gateway's keys ever enter it. The digests are read into memory when the file is opened, because an index
over them would cost ten times the append. Several queries may use one file at once, in threads and processes:
what one of them is asking the others do not ask, and what came of it they see.

An answer is on disk before its slot of the flight is free, so that a kill costs at most what was in flight.
Commits are not forced through the disk's cache: the file survives the death of the process at any moment, and
a power cut may cost the last seconds.

Evidence is written as a list, and the file says which names belong to the places of the list, once for all
answers that have the same: so it is read by name, and costs no more room and time than without names.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import time
import zlib
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson

from ..errors import NewerFileError
from ..records import EVIDENCE_FIELDS, Evidence, Outcome
from . import sqlite as database
from .key_locks import KeyLocks
from .sqlite import opened, reading, set_aside

logger = logging.getLogger(__name__)

_BUSY_SECONDS = 10.0
#: The names of evidence in answers that were kept before names were written.
_FIRST_NAMES = (
    '["status","finish_reason","model","provider","target","prompt_tokens","completion_tokens","total_tokens",'
    '"cached_tokens","attempts","gateway_attempts","latency_ms","cache_status","request_id","trace_id",'
    '"span_id","system_fingerprint","logprobs","guardrails","cost","kept_from","raw"]'
)
#: See `database`.
MIGRATIONS = (
    (
        """
        CREATE TABLE IF NOT EXISTS answers (
            number INTEGER PRIMARY KEY,
            key BLOB NOT NULL,
            made_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            answer BLOB NOT NULL,
            checksum INTEGER NOT NULL
        )
        """,
        "ALTER TABLE answers ADD COLUMN names INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE evidence_names (number INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE)",
        f"INSERT INTO evidence_names VALUES (0, '{_FIRST_NAMES}')",  # noqa: S608 - our own names
    ),
)
_INSERT = "INSERT INTO answers (key, made_at, expires_at, answer, checksum, names) VALUES (?, ?, ?, ?, ?, ?)"
_NEWEST_LAST = "SELECT key, number FROM answers WHERE made_at >= ? AND expires_at >= ? ORDER BY number"
_NEWER = (
    "SELECT key, number FROM answers WHERE number > ? AND made_at >= ? AND expires_at >= ? ORDER BY number"
)
_SELECT = "SELECT made_at, answer, checksum, names FROM answers WHERE number = ? AND key = ?"
#: Numbers that make a list a vector.
_VECTOR = 16
#: Seconds between two looks at whether others have kept anything, while nothing was seen of them.
_BETWEEN_LOOKS = 0.001
_evidence_of = attrgetter(*EVIDENCE_FIELDS)
_NAMES = orjson.dumps(EVIDENCE_FIELDS).decode()


class AnswerCache:
    """The kept answers of one engine. Open and use it in one event loop.

    Trouble with the file never fails a query: there is a warning, `fault` says what happened, and nothing is
    kept from then on. A damaged file is set aside under another name; an answer that is not what was kept,
    which SQLite does not notice, is asked again.

    Args:
        path: The file. Its folder is made where it is missing; both are readable by their owner only.
        reuse: Seconds for which an answer may be used again; 0 uses none, and goes past the other queries.
        keep: Seconds for which new answers are kept.
        only_look: Nothing is made, cleaned up, set aside, claimed or kept.

    Attributes:
        fault: Why nothing is kept, or None.
        oldest_used: When the oldest of the used answers was made, in seconds since 1970, or None.
    """

    def __init__(self, path: Path, *, reuse: float, keep: float, only_look: bool = False) -> None:
        self.fault: str | None = None
        self.oldest_used: float | None = None
        self._path = path
        self._keep = keep
        self._reuse = reuse
        self._numbers: dict[bytes, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._taken: list[tuple[bytes, float, float, bytes, int, int]] = []
        # The number that the names of new answers have in the file, and the names by such numbers.
        self._number_of_names = 0
        self._names: dict[int, str] = {}
        self._inode = 0
        self._claims: KeyLocks | None = None
        # The last number that was seen when the file had this version, and how many were written since then.
        self._seen = 0
        self._version = 0
        self._own = 0
        self._look_at = 0.0
        self._has_company = False
        self._doubted = False
        if only_look:
            self._look(reuse)
            return
        try:
            self._connection, self._inode = opened(
                path, MIGRATIONS, lambda connection: self._prepare(connection, reuse), seconds=_BUSY_SECONDS
            )
        except (OSError, sqlite3.Error, NewerFileError) as error:
            self._give_up(error)
            return
        if reuse > 0:
            self._claims = KeyLocks(path.with_suffix(".claims"))

    def has(self, key: bytes) -> bool:
        """Tell whether an answer is kept for an item, without reading it."""
        return key in self._numbers

    def kept(self, key: bytes) -> Outcome | None:
        """Return the outcome kept for an item, or None."""
        number = self._numbers.get(key)
        if number is None or self._connection is None:
            return None
        try:
            row = self._connection.execute(_SELECT, (number, key)).fetchone()
            if row is not None and row[3] not in self._names:  # of this release or another one
                self._names = dict(self._connection.execute("SELECT number, names FROM evidence_names"))
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if row is None:  # another process has cleaned it up meanwhile
            return None
        try:
            if _checksum(key, row[1]) != row[2]:
                raise ValueError("the checksum does not match")
            value, found = _read(row[1], self._names[row[3]])
        except (ValueError, TypeError, KeyError) as error:
            self._doubt(error)
            return None
        made_at: float = row[0]
        found.kept_from = made_at
        self.oldest_used = made_at if self.oldest_used is None else min(self.oldest_used, made_at)
        return Outcome(value, None, found)

    def claim(self, key: bytes) -> bool:
        """Take an item until its outcome is safe, unless it is kept; False: another query asks it now.

        What other queries have kept meanwhile is then kept for this one, too.
        """
        if self._claims is None or key in self._numbers:
            return True
        if not self._claims.claim(key):
            self._has_company = True
            return False
        # After the claim: whoever had it before has put the answer on disk first. A look costs as much as a
        # claim, and most queries are alone.
        if self._has_company or time.monotonic() >= self._look_at:
            self._catch_up()
            if key in self._numbers:
                self._release(key)
        return True

    def keep(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
        """Take answers, to be on disk when `flush` returns. Failures are not kept."""
        if self._connection is None:
            return
        now = time.time()
        for key, outcome in outcomes:
            if outcome.failed or outcome.evidence is None:
                self._release(key)
                continue
            try:
                answer = _written(outcome.value, outcome.evidence)
            except orjson.JSONEncodeError as error:  # nested more deeply than can be written
                logger.warning("an answer is not kept for later queries: %s", error)
                self._release(key)
                continue
            checksum = _checksum(key, answer)
            self._taken.append((key, now, now + self._keep, answer, checksum, self._number_of_names))

    def flush(self) -> None:
        """Put what was taken on disk, in one commit; where it cannot be, `fault` says why.

        In the event loop: a thread would wait for the interpreter's lock longer than a commit takes.
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
        """Put on disk what was taken, and let go of the file."""
        self.flush()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._release_all()

    def _release(self, key: bytes) -> None:
        if self._claims is not None:
            self._claims.release(key)

    def _release_all(self) -> None:
        claims, self._claims = self._claims, None
        if claims is not None:
            claims.close()

    def _catch_up(self) -> None:
        """Read what other queries have kept meanwhile."""
        if self._connection is None:
            return
        self._look_at = time.monotonic() + _BETWEEN_LOOKS
        try:
            version = self._version_of(self._connection)
            if version == self._version:
                self._seen += self._own  # which need not be read: nobody else has written
                self._own = 0
                return
            self._version = version
            self._own = 0
            self._has_company = True
            now = time.time()
            newer = self._connection.execute(_NEWER, (self._seen, now - self._reuse, now)).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return
        self._numbers.update(newer)
        if newer:
            self._seen = newer[-1][1]

    @staticmethod
    def _version_of(connection: sqlite3.Connection) -> int:
        """Give a number that changes when another connection commits."""
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _look(self, reuse: float) -> None:
        """Read which answers are kept, and let go of the file again."""
        if reuse <= 0 or not self._path.exists():
            return
        try:
            # As a reader: nothing that happens here can change what is kept.
            with reading(self._path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                self._numbers = dict(connection.execute(_NEWEST_LAST, (time.time() - reuse, time.time())))
        except (sqlite3.Error, NewerFileError) as error:
            self.fault = self._unusable(error)
            logger.warning("what is kept is not known: %s", self.fault)

    def _prepare(self, connection: sqlite3.Connection, reuse: float) -> None:
        # Moving what is in the log into the file stops the loop for a moment: seldom, 16 MB at a time.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        now = time.time()
        self._number_of_names = _number_of_names(connection)
        connection.execute("DELETE FROM answers WHERE expires_at < ?", (now,))
        if reuse > 0:
            self._version = self._version_of(connection)
            [self._seen] = connection.execute("SELECT coalesce(max(number), 0) FROM answers").fetchone()
            self._numbers = dict(connection.execute(_NEWEST_LAST, (now - reuse, now)))

    def _doubt(self, error: Exception) -> None:
        if not self._doubted:
            self._doubted = True
            name = self._path.name
            logger.warning("the journal %s is damaged: answers are asked again that it has (%s)", name, error)

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                set_aside(self._path, self._inode, error)
        self.fault = self._unusable(error)
        logger.warning("answers are not kept: %s", self.fault)
        self._release_all()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _unusable(self, error: Exception) -> str:
        if isinstance(error, NewerFileError):
            return str(error)
        return f"{self._path.parent} cannot be used: {error}"


def damage(path: Path) -> str | None:
    """Say how a journal's file is damaged, or None; nothing is made or changed.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.OperationalError: It cannot be read.
    """
    said = database.damage(path, MIGRATIONS, seconds=_BUSY_SECONDS)
    if said is not None:
        return said
    try:
        with database.looking(path, seconds=_BUSY_SECONDS) as connection:
            kept = connection.execute("SELECT key, answer, checksum FROM answers")
            changed = sum(_checksum(key, answer) != checksum for key, answer, checksum in kept)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"answers that are not what was kept: {changed:,}" if changed else None


def _written(value: Any, evidence: Evidence) -> bytes:
    """Write an answer: its evidence and value as JSON; a vector's numbers in binary, behind a line break."""
    told = _evidence_of(evidence)
    # Half as long as their digits; of a list that holds anything else, the kinds would be lost.
    if isinstance(value, list) and len(value) >= _VECTOR and {*map(type, value)} == {float}:
        return orjson.dumps((told,)) + b"\n" + array("d", value).tobytes()
    return orjson.dumps((told, value))


def _read(answer: bytes, names: str) -> tuple[Any, Evidence]:
    """Read what `_written` wrote.

    Args:
        answer: The answer.
        names: What its evidence's places are called, as JSON. Names that evidence does not have are dropped.

    Raises:
        ValueError: It is something else.
        TypeError: Likewise.
    """
    written, _, numbers = answer.partition(b"\n")  # which JSON of one line has not
    told, *value = orjson.loads(written)
    places, unknown = _places(names)
    known = dict(zip(places, told, strict=True))
    for name in unknown:
        del known[name]
    return (value[0] if value else array("d", numbers).tolist()), Evidence(**known)


@lru_cache(64)
def _places(names: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names that were written, and those among them that evidence does not have."""
    places = tuple(map(sys.intern, orjson.loads(names)))  # else keywords are found half as fast
    return places, frozenset(places).difference(EVIDENCE_FIELDS)


def _number_of_names(connection: sqlite3.Connection) -> int:
    """Return the number that the names of evidence have in a file; they are written where it lacks them."""
    select = "SELECT number FROM evidence_names WHERE names = ?"
    if (found := connection.execute(select, (_NAMES,)).fetchone()) is None:
        connection.execute("INSERT OR IGNORE INTO evidence_names (names) VALUES (?)", (_NAMES,))
        found = connection.execute(select, (_NAMES,)).fetchone()
    number: int = found[0]
    return number


def _checksum(key: bytes, answer: bytes) -> int:
    return zlib.crc32(answer, zlib.crc32(key))
