"""The tables of the folder behind the SQL name `files`, as they are read; nothing outside of it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ...errors import NotFoundError, PortkeyHandlerError, StatementError
from .folder import Folder
from .found import File, Finder, Found, stem_of
from .options import FileOptions, options_of
from .relation import Relation

if TYPE_CHECKING:
    from ..duckdb_connection import Database
    from ..table import Table
    from .csv_tables import CsvTables

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
#: The value of a folder for rows without one.
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"

Options = Callable[[], Mapping[str, Mapping[str, Any]]]


class FileTables:
    """The tables of one folder.

    Args:
        folder: The folder; it need not exist until something is read from it.
        options: Returns what the user has said about tables, by their lower-case names; "*" is every table.
        reader: Returns the DuckDB that reads files.
    """

    def __init__(
        self,
        folder: Path,
        options: Options = dict,
        reader: Callable[[], Database] | None = None,
    ) -> None:
        self._folder = Folder(folder)
        self._finder = Finder(self._folder)
        self._options = options
        self._reader = reader
        self._csv: CsvTables | None = None

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._folder.path

    def listed(self) -> list[tuple[str, str | None, str | None]]:
        """Return the name of everything in the folder, its format, and why it cannot be read, by name."""
        found: list[tuple[str, str | None, str | None]] = []
        for name, table in self._finder.listed():
            if isinstance(table, str):
                found.append((name, None, table))
                continue
            kind = table.files[0].format
            try:
                names = self._sheets(name, table) if table.kind == "xlsx" else [name]
                self._peek(name, table)
            except PortkeyHandlerError as error:
                found.append((name, kind, error.message.partition(" cannot be read: ")[2] or error.message))
            else:
                found += [(one, kind, None) for one in names]
        return sorted(found, key=lambda one: one[0])

    def names(self) -> list[tuple[str, str]]:
        """Return the name and the format of every table, by name."""
        return [(name, kind) for name, kind, problem in self.listed() if kind is not None and problem is None]

    def exists(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        return bool(self._finder.candidates(name))

    def table(self, name: str, sheet: str | None = None) -> Relation | Table:
        """Return a table: where DuckDB finds its rows, or the rows.

        Args:
            name: The table.
            sheet: The sheet of a workbook.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The name leads out of the folder, or a file cannot be read.
        """
        if sheet is not None and self.exists(f"{name}.{sheet}"):
            name, sheet = f"{name}.{sheet}", None  # files.reviews.csv
        found = self._finder.find(name)
        if sheet is not None and found.kind != "xlsx":
            raise NotFoundError(f"files.{name}.{sheet} does not exist: files.{name} is no workbook")
        options = self.options(name, found, sheet)
        if found.kind == "csv":
            return self._csv_tables().relation(found.files, options)
        if found.kind == "parquet":
            known = self._parquet(found, name)
            if known is not None:
                return known
        return self._in_memory(found, name, sheet, options)

    def read(self, name: str) -> Table:
        """Return the rows of a table; see `table` for the errors."""
        found = self.table(name)
        if isinstance(found, Relation):
            return self._duckdb().run(found.expression().this, zones=found.zones)
        return found

    def options(self, name: str, found: Found, sheet: str | None = None) -> FileOptions:
        """Return what the user has said about a table, by its name with or without the suffix."""
        said = self._options()
        shown = name if sheet is None else f"{name}.{sheet}"
        names = [found.files[0].name, stem_of(found.files[0].name)] if found.is_single else []
        own = next((said[one.lower()] for one in (shown, *names) if one.lower() in said), {})
        return options_of(shown, own, said.get("*", {}))

    # ---- reading

    def _duckdb(self) -> Database:
        assert self._reader is not None  # noqa: S101 — the session hands one over
        return self._reader()

    def _csv_tables(self) -> CsvTables:
        if self._csv is None:
            from .csv_tables import CsvTables

            self._csv = CsvTables(self._folder, self._duckdb())
        return self._csv

    def _parquet(self, found: Found, name: str) -> Relation | None:
        """Return Parquet files as DuckDB reads them; None where a type of theirs is not known to it."""
        from .parquet_tables import read_by_duckdb

        if any(file.compression for file in found.files):
            return None
        with self._readable(found.files[0], name):
            return read_by_duckdb(self._folder, found.files, self._duckdb().served)

    def _in_memory(self, found: Found, name: str, sheet: str | None, options: FileOptions) -> Table:
        from ..table import appended_by_name

        tables = []
        for file in found.files:
            content = self._content(file, name)
            with self._readable(file, name):
                rows = _rows(file, content, name, sheet, options)
            tables.append(rows.with_constants(_partitions(file, found.files)))
        return tables[0] if len(tables) == 1 else appended_by_name(tables)

    def _content(self, file: File, name: str) -> bytes:
        from .compression import unpacked

        content = self._folder.read(file.parts)
        with self._readable(file, name):
            return unpacked(content, file.compression)

    @contextmanager
    def _readable(self, file: File, name: str) -> Iterator[None]:
        try:
            yield
        except PortkeyHandlerError:
            raise
        except (ValueError, OSError, NotImplementedError) as error:  # those of Arrow are of these kinds
            what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise StatementError(f"files.{name} ({'/'.join(file.parts)}) cannot be read: {what}") from None

    def _peek(self, name: str, found: Found) -> None:
        """Check the first bytes of a table."""
        if found.kind == "csv":
            for file in found.files:
                self._csv_tables().opened(file, self.options(name, found))
        elif found.kind == "parquet":
            self._parquet(found, name)

    def _sheets(self, name: str, found: Found) -> list[str]:
        from .workbooks import sheet_names

        file = found.files[0]
        content = self._content(file, name)
        with self._readable(file, name):
            return [f"{name}.{sheet}" for sheet in sheet_names(content)]


def _rows(file: File, content: bytes, name: str, sheet: str | None, options: FileOptions) -> Table:
    if file.kind == "json":
        from .json_records import read_json

        return read_json(content, name, options)
    if file.kind == "xlsx":
        from .workbooks import read_sheet

        return read_sheet(content, name, sheet)
    from .parquet_tables import read_parquet

    return read_parquet(content)


def _partitions(file: File, files: Sequence[File]) -> list[tuple[str, str | int | None]]:
    """Return the columns that the folders of a file add; numbers where those of all files are."""
    found: list[tuple[str, str | int | None]] = []
    for key, value in file.partitions:
        every = [other for one in files for name, other in one.partitions if name == key]
        if value == _NO_PARTITION:
            found.append((key, None))
        elif all(_WHOLE.fullmatch(one) or one == _NO_PARTITION for one in every):
            found.append((key, int(value)))
        else:
            found.append((key, unquote(value)))
    return found
