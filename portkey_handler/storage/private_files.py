"""Files and folders that only their owner may read, and writing a file whole."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..errors import FileError
from ..foreign_text import logger_of

logger = logger_of(__name__)

#: What a file system without locks says (some network and FUSE file systems).
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
#: Seconds after which a wait for a lock is said, and after which it ends.
TELL_SECONDS = 10.0
GIVE_UP_SECONDS = 60.0


def make_private(*folders: Path) -> None:
    """Make folders where they are missing, outermost first, with mode 0700."""
    for folder in folders:  # mkdir does not give the mode to parents
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def writable_by_others(folder: Path) -> str | None:
    """Return who else can write into a folder, in words, or None; unknown where the system has no owners."""
    if not hasattr(os, "getuid"):
        return None
    try:
        found = folder.stat()
    except OSError:
        return None
    if os.getuid() and found.st_uid not in (os.getuid(), 0):  # in containers root uses folders of the host
        return f"belongs to another user ({found.st_uid})"
    return "can be written by every user" if found.st_mode & 0o002 else None


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file, with mode 0600 where it is made, and return the descriptor."""
    return os.open(path, flags, 0o600)


@contextmanager
def locked(lock_file: Path, seconds: float | None = None) -> Iterator[None]:
    """Hold a lock file exclusively inside the `with` block, across processes; wait for it.

    On a file system without locks nothing is locked: the block's own care must do.

    Args:
        lock_file: The file.
        seconds: How long another process may hold the lock; None is a minute.

    Raises:
        FileError: Another process has held the lock for longer.
    """
    descriptor = open_private(lock_file)
    try:
        _acquire(descriptor, lock_file, GIVE_UP_SECONDS if seconds is None else seconds)
        yield
    finally:
        # Closing releases the lock, also after a crash: no stale lock can be left behind.
        os.close(descriptor)


def _acquire(descriptor: int, lock_file: Path, seconds: float) -> None:
    since = time.monotonic()
    is_told = False
    while not try_lock(descriptor):
        waited = time.monotonic() - since
        if waited > seconds:
            raise FileError(
                f"another process has held {lock_file} for {seconds:.0f} s; nothing was written: "
                "end that process (it may be stopped: lsof shows it), then run the statement again"
            )
        if waited > TELL_SECONDS and not is_told:
            is_told = True
            logger.warning("waiting for another process, which holds %s", lock_file)
        time.sleep(0.01)


def try_lock(descriptor: int) -> bool:
    """Try to lock an open file; return whether it is locked, or cannot be."""
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _WITHOUT_LOCKS
    return True


@lru_cache(64)
def has_locks(folder: Path) -> bool:
    """Return whether the file system of a folder has locks; True where that cannot be tried."""
    if sys.platform == "win32":  # pragma: no cover
        return True
    import fcntl

    try:
        descriptor, path = tempfile.mkstemp(dir=folder, prefix=".lock-")
    except OSError:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _WITHOUT_LOCKS
    finally:
        os.close(descriptor)
        Path(path).unlink(missing_ok=True)  # a folder may vanish
    return True


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: a reader sees the old content or the new one, never a part.

    Raises:
        OSError: It cannot be written; its `filename` is `path`.
    """
    # Threads write one file at the same time, too: the estimate of a model, the index of the cached answers.
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        _replace(path, draft, content, mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, draft: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
