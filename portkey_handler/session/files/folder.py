"""The folder of the session's files: what is in it, and its files opened without leaving it.

A file is opened relative to the folder's own descriptor, one level at a time, and no link is followed at any
level. So a link that somebody puts there between the check and the opening leads nowhere either.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import NotFoundError, StatementError

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
#: Windows has no descriptors of folders; there a link is only checked before.
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd

#: Nanoseconds in which two contents of a file may have one time.
_TICK = 2 * 10**9

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """What tells one content of a file from another."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Version:
        """Return the version of a file."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def is_fresh(self) -> bool:
        """Return whether the file was written just now, so that the next content may have the same times."""
        return time.time_ns() - max(self.modified, self.changed) < _TICK

    def is_continued_by(self, later: Version) -> bool:
        """Return whether a later version begins with this one, as far as can be told."""
        return self == later or (self.inode == later.inode and later.size > self.size)


class Folder:
    """A folder that nothing leaves.

    Args:
        path: The folder; it need not exist until something is read from it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def entries(self, parts: Parts = ()) -> Iterator[tuple[str, str]]:
        """Yield the name and the kind ("file", "folder", "link" or "other") of what is in a folder, by name.

        Names that begin with a point are left out.
        """
        try:
            with self._folder(parts) as (path, descriptor):
                listed = os.listdir(path if descriptor is None else descriptor)  # noqa: PTH208
                for name in sorted(listed):
                    if not name.startswith("."):
                        with suppress(OSError):  # it may be gone
                            place = path / name if descriptor is None else name
                            yield name, _kind(os.stat(place, dir_fd=descriptor, follow_symlinks=False))
        except OSError:
            return

    def version(self, parts: Parts) -> Version:
        """Return the version of a file.

        Raises:
            StatementError: It cannot be opened.
        """
        descriptor = self.open(parts)
        try:
            return Version.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def open(self, parts: Parts) -> int:
        """Open a file for reading, and return its descriptor.

        Raises:
            StatementError: It cannot be opened, is a link or below one, or is not a regular file.
        """
        shown = "/".join(parts)
        try:
            with self._folder(parts[:-1]) as (path, folder):
                if folder is None and (path / parts[-1]).is_symlink():
                    raise StatementError(f"{shown} is a link; links are not followed")
                target = path / parts[-1] if folder is None else parts[-1]
                descriptor = os.open(target, _READ, dir_fd=folder)
        except OSError as error:
            raise StatementError(_cannot_open(shown, error, self._link_in(parts))) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StatementError(f"{shown} is not a regular file")
        return descriptor

    def read(self, parts: Parts) -> bytes:
        """Return the content of a file.

        Raises:
            StatementError: See `open`.
        """
        with os.fdopen(self.open(parts), "rb") as file:
            return file.read()

    @contextmanager
    def _folder(self, parts: Parts) -> Iterator[tuple[Path, int | None]]:
        """Open a folder below this one; yield its path and, where there are such, its descriptor."""
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            raise StatementError(f"{'/'.join(parts)!r} leads out of the files folder")
        if not _HAS_DESCRIPTORS:
            path = self.path.joinpath(*parts)
            if self._link_in(parts):
                raise OSError(None, "a link; links are not followed")
            yield path, None
            return
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            for part in parts:
                below = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield self.path.joinpath(*parts), descriptor
        finally:
            os.close(descriptor)

    def _link_in(self, parts: Parts) -> bool:
        return any(self.path.joinpath(*parts[:end]).is_symlink() for end in range(1, len(parts) + 1))

    def check_exists(self) -> None:
        """Raise an error if there is no such folder.

        Raises:
            NotFoundError: There is none.
        """
        if not self.path.is_dir():
            raise NotFoundError(f"the files folder {self.path} does not exist")


def _kind(found: os.stat_result) -> str:
    mode = found.st_mode
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def _cannot_open(shown: str, error: OSError, is_link: bool) -> str:
    if is_link:
        return f"{shown} is a link, or is below one; links are not followed"
    return f"{shown} cannot be opened: {error.strerror}"
