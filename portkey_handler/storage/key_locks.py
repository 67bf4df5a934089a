"""Locks on item keys, shared by the threads and processes of one machine, so that no item is sent twice.

A lock is on one byte of an empty file, at an offset computed from the item's key. The operating system keeps
the locks, and releases them when their process ends in any way. They belong to an open file (`F_OFD_SETLK`,
Linux 3.15), so that two queries of one process exclude each other, too. On systems without such locks every
claim succeeds.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from ..foreign_text import logger_of
from .private_files import open_private

logger = logger_of(__name__)

if sys.platform == "linux" and sys.maxsize > 2**32:
    from fcntl import F_OFD_SETLK, F_UNLCK, F_WRLCK, fcntl

    _HAS_LOCKS = True
else:  # pragma: no cover
    _HAS_LOCKS = False

#: C's `struct flock`: type, whence, start, length, process.
_lock = struct.Struct("hhqqi4x").pack
#: The largest prime of 61 bits. In a remainder of it, every byte of a key has a part.
_PLACES = 2**61 - 1
#: Linux goes through all locks of a file to set another, so there are several files …
_FILES = 16
#: … and at most so many locks per query. Items beyond them are not locked.
MOST = 2048


class KeyLocks:
    """The locks of one query.

    Args:
        path: Path of the files without their number, in a folder that exists. Missing files are made,
            readable by their owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[int, int] = {}  # opened when they are needed
        self._places: dict[bytes, int] = {}

    def claim(self, key: bytes) -> bool:
        """Lock a key; return False where another query has it now."""
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
        except OSError:  # a file system without such locks, or too many open files
            return True
        self._places[key] = place
        return True

    def release(self, key: bytes) -> None:
        """Release a key; a key that this query has not locked is ignored."""
        place = self._places.pop(key, None)
        if place is not None:
            _unlock(self._files[place % _FILES], place, 1)

    def close(self) -> None:
        """Release all keys."""
        files, self._files = self._files, {}
        self._places.clear()
        for file in files.values():
            _unlock(file, 0, 0)  # a forked process may have the file open, too
            os.close(file)

    def _open(self, number: int) -> int:
        path = self._path.with_name(f"{self._path.name}-{number}")
        file = self._files[number] = open_private(path)
        return file


def _unlock(file: int, start: int, length: int) -> None:
    try:
        fcntl(file, F_OFD_SETLK, _lock(F_UNLCK, 0, start, length, 0))
    except OSError as error:  # closing the file releases it
        logger.debug("a lock is not released: %s", error)
