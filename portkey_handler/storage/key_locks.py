"""Who is asking what at this moment, among the threads and processes of one machine.

A claim is a lock on one byte of an empty file, at a place that follows from the item's key. The operating
system keeps the locks and lets go of them when their process ends, however it ends. They belong to an open
file (`F_OFD_SETLK`, Linux 3.15), so that two queries in one process are two as well. Where there are no such
locks every claim is granted.
"""

from __future__ import annotations

import logging
import os
import struct
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

if sys.platform == "linux" and sys.maxsize > 2**32:
    from fcntl import F_OFD_SETLK, F_UNLCK, F_WRLCK, fcntl

    _HAS_LOCKS = True
else:  # pragma: no cover
    _HAS_LOCKS = False

#: C's `struct flock`: type, whence, start, length, process.
_lock = struct.Struct("hhqqi4x").pack
#: The largest prime of 61 bits: dividing by it, every byte of a key has a part in its place.
_PLACES = 2**61 - 1
#: Linux walks through the locks of a file to set another, and so there are several files …
_FILES = 16
#: … and so many claims at most; whatever a query asks beyond them at the same time, others may ask, too.
MOST = 2048


class KeyLocks:
    """The claims of one query.

    Args:
        path: What the files are called, up to a number; they are made where they are missing, readable by
            their owner only. Their folder is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[int, int] = {}  # opened when they are needed
        self._places: dict[bytes, int] = {}

    def claim(self, key: bytes) -> bool:
        """Say whether this query may have the key; False where it is another's now."""
        if not _HAS_LOCKS or len(self._places) >= MOST:
            return True
        place = int.from_bytes(key, "big") % _PLACES
        try:
            file = self._files.get(place % _FILES)
            if file is None:
                file = self._open(place % _FILES)
            fcntl(file, F_OFD_SETLK, _lock(F_WRLCK, 0, place, 1, 0))
        except BlockingIOError:
            return False
        except OSError:  # a file system without such locks, no file left to open
            return True
        self._places[key] = place
        return True

    def release(self, key: bytes) -> None:
        """Let others have the key; nothing happens where it is not this query's."""
        place = self._places.pop(key, None)
        if place is not None:
            _unlock(self._files[place % _FILES], place, 1)

    def close(self) -> None:
        """Let go of all."""
        files, self._files = self._files, {}
        self._places.clear()
        for file in files.values():
            _unlock(file, 0, 0)  # a process that was forked meanwhile has the file open, too
            os.close(file)

    def _open(self, number: int) -> int:
        path = self._path.with_name(f"{self._path.name}-{number}")
        file = self._files[number] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        return file


def _unlock(file: int, start: int, length: int) -> None:
    try:
        fcntl(file, F_OFD_SETLK, _lock(F_UNLCK, 0, start, length, 0))
    except OSError as error:  # it is over when the file is closed
        logger.debug("a claim is not released: %s", error)
