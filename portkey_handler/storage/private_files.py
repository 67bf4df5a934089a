"""Files and folders that only their owner may read, and writing a file whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
def locked(lock_file: Path) -> Iterator[None]:
    """Hold a lock file exclusively inside the `with` block, across processes; wait for it."""
    descriptor = open_private(lock_file)
    try:
        _acquire(descriptor)
        yield
    finally:
        # Closing releases the lock, also after a crash: no stale lock can be left behind.
        os.close(descriptor)


def _acquire(descriptor: int) -> None:
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: a reader sees the old content or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
