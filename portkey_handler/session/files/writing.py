"""The folder behind the SQL name `files`: its tables are read and written here; nothing outside of it is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import AlreadyExistsError, FileError, StatementError
from ...storage.private_files import locked, replace_file
from .found import Found
from .keys import Conflict, Inserted, new_rows, of_table, replaced
from .relation import Relation
from .tables import FileTables

if TYPE_CHECKING:
    from ..table import Table


class Files(FileTables):
    """The tables of one folder, which can be written, too."""

    def check_free(self, name: str, *, replace: bool = False) -> None:
        """Raise an error for a name that a table has already.

        Raises:
            AlreadyExistsError: There is a table of that name, and `replace` is false.
            StatementError: The table cannot be replaced.
        """
        _check_writable(name)
        self._check_place()
        existing = self._finder.candidates(name)
        if replace:
            for found in existing:
                self._check_single(name, found)
        elif existing:
            raise AlreadyExistsError(
                f"files.{name} exists already ({existing[0].files[0].name}); INSERT INTO it, DROP TABLE "
                f"files.{name}, or CREATE OR REPLACE TABLE"
            )

    def check_columns(self, name: str, columns: Sequence[str] = ()) -> list[str]:
        """Return the columns of a table to which rows can be added.

        Raises:
            NotFoundError: There is no such table.
            StatementError: It lacks one of `columns`, or is not one file that can be added to.
        """
        self._appendable(name)
        self._check_place()
        # All of a CSV is read, so that a fault in it is found before answers are paid for.
        table = self.table(name)
        known = [one.name for one in table.columns] if isinstance(table, Relation) else table.names
        if not known:  # of an empty array, whose columns are those of the first record
            return [*columns]
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
        from .parquet_tables import to_parquet
        from .rows_to_add import check_cells

        check_cells(rows)
        with self._writing(name):
            self.check_free(name, replace=replace)
            existing = self._finder.candidates(name)
            target = self.folder / f"{name}.parquet"
            replace_file(target, to_parquet(rows), mode=0o666)
            for path in (self.folder.joinpath(*one.files[0].parts) for one in existing):
                if path.name != target.name:
                    path.unlink()

    def conflict(self, name: str, what: str | None, key: Sequence[str] | None = None) -> Conflict | None:
        """Return what INSERT OR IGNORE or OR REPLACE does with rows of a table whose key is there.

        Args:
            name: The table.
            what: "ignore", "replace", or None for INSERT without OR.
            key: The columns that the statement names; None: those that SET files.x.key names.

        Raises:
            StatementError: The table has no key.
        """
        return of_table(name, what, key or self.options(name, self._finder.find(name)).key)

    def append(
        self,
        name: str,
        rows: Table,
        columns: Sequence[str] | None = None,
        conflict: Conflict | None = None,
    ) -> Inserted:
        """Add rows to a table; its file keeps its format, and CSV and JSON every byte of rows that stay.

        The rows that are there are read and the new ones written under one lock, so that two programs at
        once do not add the same row.

        Args:
            name: The table.
            rows: The new rows.
            columns: The columns of the table that `rows` fill, in order; None: those of the same names.
            conflict: What is done with a row whose key is there; None: keys are not looked at.

        Returns:
            What was done.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The table does not have the columns, or values do not fit.
        """
        from . import rows_to_add as adding
        from . import rows_to_remove as removing
        from .compression import packed, unpacked
        from .parquet_tables import to_parquet

        adding.check_cells(rows)
        with self._writing(name):
            found = self._appendable(name)
            file, options = found.files[0], self.options(name, found)
            content = self._folder.read(file.parts)
            count, before, stay = rows.arrow.num_rows, 0, None
            if conflict is not None:
                rows, before, stay = self._sifted(name, rows, columns, conflict)
            if not rows.arrow.num_rows:
                return Inserted(0, count)
            with self._readable(file, name):
                if file.kind == "csv":
                    [form], table = self._csv_tables().read([file], options)
                    known = [one.name for one in table.columns]
                    if stay is not None:
                        content = removing.without_csv_rows(content, form, stay, before)
                    content = adding.with_csv_rows(content, form, known, rows, columns)
                else:
                    plain, old = unpacked(content, file.compression), self.read(name)
                    old = old if stay is None else old.taken(stay)
                    if file.kind == "json":
                        if stay is not None:
                            plain = removing.without_json_rows(plain, stay, before, name, options)
                        new = adding.with_json_rows(plain, old, name, rows, columns, options)
                    else:
                        new = to_parquet(adding.joined(name, old, rows, columns))
                    content = packed(new, file.compression)
            path = self.folder.joinpath(*file.parts)
            replace_file(path, content, mode=stat.S_IMODE(path.stat().st_mode))
        if stay is not None:
            return Inserted(rows.arrow.num_rows, before - len(stay))
        return Inserted(rows.arrow.num_rows, count - rows.arrow.num_rows)

    def _sifted(
        self, name: str, rows: Table, columns: Sequence[str] | None, conflict: Conflict
    ) -> tuple[Table, int, list[int] | None]:
        """Return the rows to add, the number of old ones, and the places of those that stay (None: all)."""
        old = self.read(name)
        conflict.check(name, old.names, columns or rows.names)
        if conflict.what == "ignore":
            return rows.taken(new_rows(rows, columns, old, conflict.key)), old.arrow.num_rows, None
        stay, places = replaced(rows, columns, old, conflict.key)
        return rows.taken(places), old.arrow.num_rows, stay

    def drop(self, name: str) -> None:
        """Delete a table's file.

        Raises:
            NotFoundError: There is no such table.
        """
        with self._writing(name):
            found = self._finder.find(name)
            self._check_single(name, found)
            self.folder.joinpath(*found.files[0].parts).unlink()

    def _appendable(self, name: str) -> Found:
        """Return the files of a table to which rows can be added; see `check_columns` for the errors."""
        found = self._finder.find(name)
        self._check_single(name, found)
        if found.kind == "xlsx":
            raise StatementError(
                f"files.{name} is a workbook, which is only read; CREATE TABLE files.… (SELECT … FROM "
                f"files.{name}) makes a table that can be added to"
            )
        return found

    @staticmethod
    def _check_single(name: str, found: Found) -> None:
        if not found.is_single:
            raise StatementError(
                f"files.{name} is a folder or a pattern; only a table of one file is written"
            )

    def _check_place(self) -> None:
        """Check before a query is run that its rows can be written.

        Raises:
            FileError: Nothing can be made in the folder.
        """
        self._folder.check_exists()
        if not os.access(self.folder, os.W_OK):
            raise FileError.of(OSError(errno.EACCES, os.strerror(errno.EACCES), str(self.folder)))

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        _check_writable(name)
        self._folder.check_exists()
        with locked(self.folder / ".files.lock"):
            yield


def _check_writable(name: str) -> None:
    if "/" in name:
        raise StatementError(f"files.{name!r} is not a table's name: it must stay inside the files folder")
