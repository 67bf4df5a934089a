"""An index over the answers of a cache: where a digest stands, without reading the digests of all answers.

The file holds the first eight bytes of each digest, sorted, and the number of its answer at the same place of
a second list. It is mapped into memory, so a query reads only the pages that it looks into. The table of
answers stays append-only: the index ends at some answer, and the few answers after it are read when the cache
is opened. When they have become many, they are merged into a new file, which replaces the old one.

The index is a hint. An answer is only used if the table has it under its whole digest, so an index that is
damaged or belongs to another file can make an answer be asked again, but never give a wrong one.
"""

from __future__ import annotations

import mmap
import sqlite3
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

from .private_files import replace_file

_MAGIC = b"pkhkeys1"
#: The magic, how many answers, and of the last one: its number, when it was made, and its digest's start.
_HEADER = struct.Struct("=8sQqdQ")
_BYTES = 8
_AT_ONCE = 65_536
_NOTHING = memoryview(b"").cast("Q")


class KeyIndex:
    """The places of the answers up to one of them.

    Args:
        digests: The starts of the digests, sorted; eight bytes each.
        numbers: The numbers of their answers, likewise; those of equal starts ascend.
        covered: The number of the last answer; 0 if there is none.
    """

    def __init__(
        self, digests: memoryview = _NOTHING, numbers: memoryview = _NOTHING, covered: int = 0
    ) -> None:
        self._digests = digests
        self._numbers = numbers
        self.covered = covered

    @classmethod
    def of(cls, path: Path, connection: sqlite3.Connection) -> KeyIndex:
        """Open an index; one that is missing, damaged or of another table is empty.

        Args:
            path: Its file.
            connection: The open file of the answers.

        Raises:
            sqlite3.Error: The answers cannot be read.
        """
        try:
            with path.open("rb") as file:
                mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            magic, count, covered, made_at, start = _HEADER.unpack(mapped[: _HEADER.size])
        except (OSError, ValueError, struct.error):  # an empty file cannot be mapped
            return cls()
        if magic != _MAGIC or len(mapped) != _HEADER.size + 2 * _BYTES * count:
            return cls()
        # Where the newest answers were deleted, their numbers are given again.
        select = "SELECT made_at, key FROM answers WHERE number = ?"
        last = connection.execute(select, (covered,)).fetchone()
        if last is None or (last[0], _start_of(last[1])) != (made_at, start):
            return cls()
        places = mapped[_HEADER.size :].cast("Q")
        return cls(places[:count], places[count:], covered)

    def numbers_of(self, key: bytes) -> Iterator[int]:
        """Give the numbers under which an answer may be, the newest first."""
        start = _start_of(key)
        first = bisect_left(self._digests, start)
        if first < len(self._digests) and self._digests[first] == start:
            for place in range(bisect_right(self._digests, start, first) - 1, first - 1, -1):
                yield self._numbers[place]

    def with_the_rest(self, connection: sqlite3.Connection) -> KeyIndex:
        """Return an index over all answers of the table.

        Raises:
            sqlite3.Error: The answers cannot be read.
        """
        import numpy as np  # here, because most queries do not make an index

        starts, numbers = array("Q"), array("Q")
        select = "SELECT key, number FROM answers WHERE number > ? ORDER BY number"
        cursor = connection.execute(select, (self.covered,))
        while rows := cursor.fetchmany(_AT_ONCE):
            starts.extend(_start_of(key) for key, _ in rows)
            numbers.extend(number for _, number in rows)
        if not numbers:
            return self
        [oldest] = connection.execute("SELECT min(number) FROM answers").fetchone()
        before = np.array(self._numbers, dtype=np.uint64)
        is_kept = before >= oldest
        all_starts = np.concatenate([np.array(self._digests, dtype=np.uint64)[is_kept], starts])
        all_numbers = np.concatenate([before[is_kept], numbers])
        order = np.argsort(all_starts, kind="stable")
        return KeyIndex(all_starts[order].data, all_numbers[order].data, numbers[-1])

    def write(self, path: Path, connection: sqlite3.Connection) -> None:
        """Write the index.

        Raises:
            OSError: It cannot be written.
            sqlite3.Error: The answers cannot be read.
        """
        select = "SELECT made_at, key FROM answers WHERE number = ?"
        last = connection.execute(select, (self.covered,)).fetchone()
        if last is None:  # another process has deleted it meanwhile
            return
        header = _HEADER.pack(_MAGIC, len(self._digests), self.covered, last[0], _start_of(last[1]))
        replace_file(path, b"".join((header, self._digests, self._numbers)))


def _start_of(key: bytes) -> int:
    return int.from_bytes(key[:_BYTES], "big")
