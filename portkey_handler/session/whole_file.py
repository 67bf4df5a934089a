"""Writing a file whose path the user has given to the command line."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ..errors import FileError
from ..storage.private_files import replace_file

#: A file that is mounted, or whose folder is of others, cannot be replaced, but may be written.
_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EBUSY)


def check_can_be_written(path: Path) -> None:
    """Check that a file can be made in its folder, or written where it is there.

    Raises:
        FileError: It cannot.
    """
    missing = None if path.parent.is_dir() else errno.ENOENT
    refused = None if os.access(path if path.exists() else path.parent, os.W_OK) else errno.EACCES
    if code := errno.EISDIR if path.is_dir() else missing or refused:
        raise FileError.of(OSError(code, os.strerror(code), str(path)))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file: what was there stays until the new content is complete, where the file can be replaced.

    A device or a pipe, such as /dev/stdout, is never replaced.

    Raises:
        OSError: It cannot be written.
    """
    is_there = path.exists()
    if path.is_file() or not is_there:
        mode = stat.S_IMODE(path.stat().st_mode) if is_there else 0o666
        try:
            replace_file(path.resolve(), content, mode=mode)  # of a link what it leads to
            return
        except OSError as error:
            if not is_there or error.errno not in _NOT_REPLACED:
                raise
    path.write_bytes(content)
