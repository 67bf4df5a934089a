"""The folder behind the SQL name `files`. Its tables are read and written here; nothing outside of it is.

Files are opened here, after their links are resolved. DuckDB would follow links out of its allowed folders.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExistsError, NotFoundError, StatementError, closest
from ..storage.private_files import locked, replace_file

if TYPE_CHECKING:
    from .table import Table

FORMATS = ("csv", "parquet", "json", "jsonl")


class Files:
    """The tables of one folder.

    Args:
        folder: The folder; it need not exist until something is read from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def names(self) -> list[tuple[str, str]]:
        """Return the path and the format of every table, by name."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.suffix[1:].lower() in FORMATS]
        return sorted(
            (path.stem, path.suffix[1:].lower())
            for path in found
            if path.is_file() and not path.name.startswith(".")
        )

    def exists(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        return bool(self._candidates(name))

    def read(self, name: str) -> Table:
        """Return a table's rows.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The name leads out of the folder, or the file is not in the format of its suffix.
        """
        from .file_formats import READERS

        path = self._path(name)
        with self._open(path) as file:
            content = file.read()
        try:
            return READERS[path.suffix[1:].lower()](content)
        except ValueError as error:  # errors of Arrow and of the decoder are ValueErrors
            what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise StatementError(f"files.{name} ({path.name}) cannot be read: {what}") from None

    def check_free(self, name: str) -> None:
        """Raise an error for a name that a table has already.

        Raises:
            AlreadyExistsError: There is a table of that name.
        """
        existing = self._candidates(name)
        if existing:
            raise AlreadyExistsError(
                f"files.{name} exists already ({existing[0].name}); INSERT INTO it, DROP TABLE files.{name}, "
                "or CREATE OR REPLACE TABLE"
            )

    def check_columns(self, name: str, columns: list[str]) -> list[str]:
        """Return the columns of a table; raise an error for names that are not among them.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The table lacks a column.
        """
        known = self.read(name).names
        unknown = [column for column in columns if column.lower() not in {item.lower() for item in known}]
        if unknown:
            raise StatementError(
                f"files.{name} has no column {', '.join(unknown)}; it has: {', '.join(known)}"
            )
        return known

    def create(self, name: str, rows: Table, *, replace: bool = False) -> None:
        """Write a new table as Parquet, which keeps the types.

        Raises:
            AlreadyExistsError: There is a table of that name and `replace` is false.
        """
        from .file_formats import to_parquet

        with self._writing(name):
            if not replace:
                self.check_free(name)
            existing = self._candidates(name)
            target = self.folder / f"{name}.parquet"
            replace_file(target, to_parquet(rows), mode=0o666)
            for path in existing:
                if path.name != target.name:
                    path.unlink()

    def append(self, name: str, rows: Table, columns: list[str] | None = None) -> None:
        """Add rows to a table; its file keeps its format, and a CSV every byte that it had.

        Args:
            name: The table.
            rows: The new rows.
            columns: The columns of the table that `rows` fill, in order; None: those of the same names.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The table does not have the columns, or values do not fit.
        """
        from .appended_rows import appended, appended_texts
        from .file_formats import WRITERS
        from .file_text import with_rows

        with self._writing(name):
            path = self._path(name)
            kind = path.suffix[1:].lower()
            old = self.read(name)
            if kind == "csv":
                with self._open(path) as file:
                    content = with_rows(file.read(), appended_texts(name, old.names, rows, columns))
            else:
                content = WRITERS[kind](appended(name, old, rows, columns))
            replace_file(path, content, mode=stat.S_IMODE(path.stat().st_mode))

    def drop(self, name: str) -> None:
        """Delete a table's file.

        Raises:
            NotFoundError: There is no such table.
        """
        with self._writing(name):
            self._path(name).unlink()

    # ---- paths of names

    def _candidates(self, name: str) -> list[Path]:
        _check_name(name)
        if not self.folder.is_dir():
            return []
        paths = sorted(path for path in self.folder.iterdir() if path.suffix[1:].lower() in FORMATS)
        exact = [path for path in paths if name in (path.stem, path.name)]
        return exact or [path for path in paths if name.lower() in (path.stem.lower(), path.name.lower())]

    def _path(self, name: str) -> Path:
        found = self._candidates(name)
        if not found:
            names = [candidate for candidate, _ in self.names()]
            close = closest(name, names)
            hint = f"did you mean files.{close}?" if close else f"there are: {', '.join(names) or 'none'}"
            raise NotFoundError(f"files.{name} does not exist in {self.folder}; {hint}")
        if len(found) > 1:
            both = " and ".join(f"files.`{path.name}`" for path in found)
            raise StatementError(f"files.{name} may be {both}; write the one that you mean")
        resolved = found[0].resolve()
        if not resolved.is_relative_to(self.folder):
            raise StatementError(
                f"files.{name} is a link that leads out of the files folder; it is not followed"
            )
        return resolved

    @contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            raise StatementError(f"{path.name} cannot be opened: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StatementError(f"{path.name} is not a regular file")
            yield file

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        _check_name(name)
        if not self.folder.is_dir():
            raise NotFoundError(f"the files folder {self.folder} does not exist")
        with locked(self.folder / ".files.lock"):
            yield


def _check_name(name: str) -> None:
    if (
        not name
        or name.startswith(".")
        or any(character in name for character in "/\\:\0")
        or name.endswith(".")
    ):
        raise StatementError(f"files.{name!r} is not a table's name: it must stay inside the files folder")
