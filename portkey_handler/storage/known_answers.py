"""Which items have an answer in an answer cache that may be used again."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from .key_index import KeyIndex

#: An answer from the future was made while the clock was wrong: nobody knows how old it is.
_USABLE = "made_at BETWEEN ? AND ? AND expires_at >= ?"
_NEWER = f"SELECT key, number FROM answers WHERE number > ? AND {_USABLE} ORDER BY number"  # noqa: S608 - constants
_IS_USABLE = f"SELECT 1 FROM answers WHERE number = ? AND key = ? AND {_USABLE}"  # noqa: S608 - likewise
#: Seconds by which the clocks of machines that share a folder may differ.
_CLOCKS_DIFFER = 300.0
#: Answers after the end of the index: how many are read when a file is opened, and from how many on they are
#: merged into the index when it is closed.
_READ_AT_MOST = 50_000
_MERGED_FROM = 10_000


class KnownAnswers:
    """The items that have a usable answer, and the number of the newest one of each.

    Args:
        path: The file of the index, beside that of the answers.
        reuse: Seconds for which an answer may be used again.

    Attributes:
        seen: The number of the last answer that was read.
    """

    def __init__(self, path: Path, reuse: float) -> None:
        self.seen = 0
        self._path = path
        self._reuse = reuse
        self._usable = self._usable_now()
        self._index = KeyIndex()
        # Of the answers in the index, those that were asked for; and all that came after it.
        self._numbers: dict[bytes, int] = {}

    def read(self, connection: sqlite3.Connection) -> None:
        """Read which answers there are.

        Raises:
            sqlite3.Error: They cannot be read.
        """
        self.seen = last_number(connection)
        self._index = KeyIndex.of(self._path, connection)
        if self.seen - self._index.covered > _READ_AT_MOST:
            self._index = self._index.with_the_rest(connection)
        self._numbers = dict(connection.execute(_NEWER, (self._index.covered, *self._usable)))

    def read_newer(self, connection: sqlite3.Connection) -> None:
        """Read which answers were written since the last look.

        Raises:
            sqlite3.Error: They cannot be read.
        """
        newer = connection.execute(_NEWER, (self.seen, *self._usable_now())).fetchall()
        self._numbers.update(newer)
        if newer:
            self.seen = newer[-1][1]

    def number_of(self, key: bytes, connection: sqlite3.Connection) -> int | None:
        """Return the number of an item's newest usable answer, or None.

        Raises:
            sqlite3.Error: The answers cannot be read.
        """
        number = self._numbers.get(key)
        if number is None:
            for candidate in self._index.numbers_of(key):
                if connection.execute(_IS_USABLE, (candidate, key, *self._usable)).fetchone():
                    self._numbers[key] = number = candidate
                    break
        return number

    def merge(self, connection: sqlite3.Connection) -> int:
        """Merge the answers after the index into it where they are many; return its last number.

        Raises:
            sqlite3.Error: The answers cannot be read.
        """
        index = KeyIndex.of(self._path, connection)  # another process may have written it meanwhile
        if last_number(connection) - index.covered > _MERGED_FROM:
            index = max(index, self._index, key=lambda one: one.covered).with_the_rest(connection)
            with contextlib.suppress(OSError):  # the next query merges them
                index.write(self._path, connection)
        return index.covered

    def _usable_now(self) -> tuple[float, float, float]:
        """Return between which moments a usable answer was made, and until when it is kept at least."""
        now = time.time()
        return now - self._reuse, now + _CLOCKS_DIFFER, now


def last_number(connection: sqlite3.Connection) -> int:
    """Return the number of the newest answer, or 0."""
    number: int = connection.execute("SELECT coalesce(max(number), 0) FROM answers").fetchone()[0]
    return number
