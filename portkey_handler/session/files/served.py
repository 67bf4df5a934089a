"""The only files that DuckDB can open: those that a statement has been given, under names made for it.

DuckDB opens `files://<number>/<name>` here, and nothing else. Its own access to files is off. So whatever SQL
comes to it, there is no name for another file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

from fsspec import AbstractFileSystem

from ...errors import StatementError
from .folder import Folder, Parts, Version

SCHEME = "files"
#: Errors that are kept: a query that reads ahead may have several, and other threads have their own.
_MOST_ERRORS = 16
#: Checks a block of a file: its position, its bytes, and a function that reads other bytes.
Check = Callable[[int, bytes, Callable[[int, int], bytes]], None]


class ChangedError(StatementError):
    """A file has another content than when its types were found."""


class Served(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system of the files that `add` has been given."""

    protocol = SCHEME
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)
        self._contents: dict[str, _Content] = {}
        #: Errors that reads have raised, the newest last.
        self._errors: deque[StatementError] = deque(maxlen=_MOST_ERRORS)

    def add(
        self, folder: Folder, parts: Parts, version: Version, start: int = 0, check: Check | None = None
    ) -> str:
        """Serve a file of a folder in one version; return its name for DuckDB.

        Args:
            folder: The folder.
            parts: The path below it.
            version: The version; another one is an error when it is opened.
            start: The number of bytes to leave out.
            check: Called with each block that is read.
        """

        def opened() -> _Source:
            descriptor = folder.open(parts)
            if version.is_continued_by(Version.of(os.fstat(descriptor))):
                return _Descriptor(descriptor)
            os.close(descriptor)
            raise ChangedError(f"{'/'.join(parts)} changed while it was read; run the statement again")

        return self._add(_Content(opened, start, version.size, check), "/".join(parts))

    def add_copy(self, descriptor: int, name: str) -> str:
        """Serve a file that is open already, such as a converted copy; return its name for DuckDB."""
        size = os.fstat(descriptor).st_size
        return self._add(_Content(lambda: _Descriptor(os.dup(descriptor)), 0, size, None), name)

    def add_bytes(self, content: bytes, name: str, start: int = 0, check: Check | None = None) -> str:
        """Serve bytes in memory, see `add`; return their name for DuckDB."""
        return self._add(_Content(lambda: _Memory(content), start, len(content), check), name)

    def believe(self, url: str) -> None:
        """Check a file no longer: all of it has been read in this version."""
        self._contents[self._strip_protocol(url)].check = None

    def take_error(self, text: str) -> StatementError | None:
        """Return the error of a read that DuckDB's error speaks of, once, or None.

        DuckDB hands on the text of an error only.
        """
        found = next((error for error in reversed(self._errors) if error.message in text), None)
        if found is not None:
            self._errors.remove(found)
        return found

    def remove(self, url: str) -> None:
        """Serve a file no longer."""
        self._contents.pop(self._strip_protocol(url), None)

    def failed(self, error: StatementError) -> None:
        """Keep an error for `take_error`."""
        self._errors.append(error)

    def _add(self, content: _Content, name: str) -> str:
        path = f"{next(self._numbers)}/{name}"
        self._contents[path] = content
        return f"{SCHEME}://{path}"

    # ---- what DuckDB calls

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix(f"{SCHEME}://")

    def _content(self, path: str) -> _Content:
        found = self._contents.get(self._strip_protocol(path))
        if found is None:
            raise FileNotFoundError(path)
        return found

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return the size of a file."""
        content = self._content(path)
        return {"name": path, "size": content.size - content.start, "type": "file"}

    def modified(self, path: str) -> Any:
        """Return a time; a name stands for one version, so it never changes."""
        import datetime

        self._content(path)
        return datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)

    def exists(self, path: str, **_: Any) -> bool:
        """Return whether a file is served."""
        return self._strip_protocol(path) in self._contents

    def isdir(self, path: str) -> bool:  # noqa: ARG002
        """Return False: there are no folders."""
        return False

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the file of that name."""
        return [path] if self.exists(path) else []

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        content = self._content(path)
        if mode != "rb":
            raise PermissionError(f"{path} can only be read")
        try:
            return _Reader(content, self)
        except StatementError as error:
            self.failed(error)
            raise


class _Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, position: int) -> bytes: ...

    def close(self) -> None: ...


class _Descriptor:
    """An open file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, size: int, position: int) -> bytes:
        return _read_at(self._descriptor, size, position)

    def close(self) -> None:
        os.close(self._descriptor)


class _Memory:
    """Bytes in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int, position: int) -> bytes:
        return self._content[position : position + size]

    def close(self) -> None:
        """Nothing is open."""


class _Content:
    """A file, and the part of it that is served."""

    def __init__(self, opened: Callable[[], _Source], start: int, size: int, check: Check | None) -> None:
        self.opened = opened
        self.start = start
        self.size = size
        self.check = check


class _Reader:
    """An open file, as DuckDB reads it."""

    def __init__(self, content: _Content, owner: Served) -> None:
        self.closed = True
        self._content = content
        self._owner = owner
        self._source = content.opened()
        self._position = content.start
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        end = self._content.size if size < 0 else min(self._position + size, self._content.size)
        block = self._bytes(self._position, end - self._position)
        if self._content.check is not None and block:
            try:
                self._content.check(self._position, block, self._bytes)
            except StatementError as error:
                self._owner.failed(error)
                raise
        self._position += len(block)
        return block

    def _bytes(self, position: int, size: int) -> bytes:
        """Return bytes, fewer only at the end of the file."""
        size = min(size, self._content.size - position)
        blocks: list[bytes] = []
        while size > 0 and (block := self._source.read(size, position)):
            blocks.append(block)
            position += len(block)
            size -= len(block)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {
            os.SEEK_SET: self._content.start,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._content.size,
        }
        self._position = base[whence] + offset
        return self.tell()

    def tell(self) -> int:
        return self._position - self._content.start

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._source.close()

    def __del__(self) -> None:
        self.close()


def _read_at(descriptor: int, size: int, position: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, position)
    os.lseek(descriptor, position, os.SEEK_SET)  # Windows: each reader has a descriptor of its own
    return os.read(descriptor, size)
