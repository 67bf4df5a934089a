"""Tables in CSV files, read by DuckDB where they are.

DuckDB gets the dialect and the columns from here, and reads texts. At the first use of a version of a file,
all of it is read once: its bytes, its dialect and the types of its columns are checked. Later queries read
what they need.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..duckdb_errors import DuckDBError
from ..sql.expressions import unique
from .csv_files import CopyNeededError, CsvFile, OtherEncodingError
from .csv_types import Typed, types_of
from .folder import Folder
from .found import File, partition_keys
from .headers import column_names
from .options import FileOptions
from .relation import FileColumn, Relation, identifier, text, texts
from .served import ChangedError

if TYPE_CHECKING:
    from ..duckdb_connection import Database

#: DuckDB's buffers; each has room for two lines.
_LINE, _BUFFER = 2_000_000, 4_000_000
#: How often another way to read the files is tried.
_ATTEMPTS = 5


class CsvTables:
    """Reads tables in CSV files; what it finds out about a version of a file is kept.

    Args:
        folder: The folder of the files.
        reader: The DuckDB that reads them.
    """

    def __init__(self, folder: Folder, reader: Database) -> None:
        self._folder = folder
        self._reader = reader
        self._opened: dict[tuple[File, FileOptions], CsvFile] = {}
        self._types: dict[tuple[CsvFile, ...], list[Typed]] = {}
        self._lock = threading.RLock()

    def relation(self, files: Sequence[File], options: FileOptions) -> Relation:
        """Return a table in one or more files; see `read` for the errors."""
        return self.read(files, options)[1]

    def read(self, files: Sequence[File], options: FileOptions) -> tuple[list[CsvFile], Relation]:
        """Return the files of a table after all of them was read, and the table.

        Args:
            files: The files; their rows follow each other, and columns are the same by name.
            options: What the user has said about the table.

        Raises:
            StatementError: A file cannot be read; the message names its line.
        """
        with self._lock:
            opened = [self.opened(file, options) for file in files]
            for _ in range(_ATTEMPTS):
                try:
                    return opened, self._relation(opened, options)
                except ChangedError:
                    opened = [self.opened(file, options) for file in files]
                except OtherEncodingError as error:
                    opened = [
                        self._other(one.file, options, error) if one is error.csv else one for one in opened
                    ]
                except CopyNeededError as error:
                    error.csv.copy()
                except DuckDBError as error:
                    if not _mended(opened, error):
                        break
        raise opened[0].fault("its lines are not those of a CSV")

    def opened(self, file: File, options: FileOptions) -> CsvFile:
        """Return a file in its newest version.

        Raises:
            StatementError: It cannot be opened, or its first bytes are no CSV.
        """
        with self._lock:
            known = self._opened.get((file, options))
            if known is None or known.version.is_fresh or known.version != self._folder.version(file.parts):
                self._types = {key: types for key, types in self._types.items() if known not in key}
                try:
                    known = self._opened[file, options] = CsvFile(self._folder, file, options)
                except OtherEncodingError as error:
                    known = self._other(file, options, error)
            return known

    def _other(self, file: File, options: FileOptions, error: OtherEncodingError) -> CsvFile:
        """Return a file in the encoding that is said for those that are not UTF-8."""
        other = replace(options, encoding=error.encoding, other=None)
        found = self._opened[file, options] = CsvFile(self._folder, file, other)
        return found

    def _relation(self, opened: Sequence[CsvFile], options: FileOptions) -> Relation:
        names = column_names([one.dialect.header for one in opened])
        partitions = partition_keys(one.file for one in opened)
        columns = [f"c{position}" for position in range(len(names))] + partitions
        names = unique([*names, *partitions])
        source = self._source(opened, names[: len(names) - len(partitions)], partitions)
        key = tuple(opened)
        if key not in self._types:
            said = dict(options.types)
            unknown = [one for one in said if one not in {name.lower() for name in names}]
            if unknown:
                raise opened[0].fault(
                    f"a type is said for {unknown[0]}, which is no column of it; it has: {', '.join(names)}"
                )
            try:
                self._types[key] = types_of(source, columns, self._reader.fetch, said, names)
            except ValueError as error:
                raise opened[0].fault(str(error)) from None
            for one in opened:
                self._reader.served.believe(one.served(self._reader.served))
        shown = []
        for name, column, typed in zip(names, columns, self._types[key], strict=True):
            quoted = identifier(column)
            value = quoted if typed.kind == "VARCHAR" else f"CAST({quoted} AS {typed.kind})"
            shown.append(FileColumn(name, value, None if typed.is_exact else quoted))
        return Relation(source, _without_empty_ends(shown, self._types[key], opened), tuple(opened))

    def _source(self, opened: Sequence[CsvFile], names: Sequence[str], partitions: Sequence[str]) -> str:
        """Return what stands behind FROM: columns c0, c1 … of texts, by the position of their names."""
        groups: dict[object, list[CsvFile]] = {}
        for one in opened:
            packed = None if one.is_copied else one.file.compression
            own = tuple(partition_keys([one.file]))
            form = (
                *(one.dialect.delimiter, one.dialect.escape, one.dialect.header),
                *(one.dialect.breaks_in_header, packed, own),
            )
            groups.setdefault(form, []).append(one)
        if len(groups) == 1:
            return self._read(opened, partitions)
        selects = []
        for group in groups.values():
            header = [name.lower() for name in column_names([group[0].dialect.header])]
            keys = partition_keys([group[0].file])
            shown = [
                f"{f'c{header.index(name.lower())}' if name.lower() in header else 'NULL'} AS c{position}"
                for position, name in enumerate(names)
            ]
            shown += [
                f"{identifier(key) if key in keys else 'NULL'} AS {identifier(key)}" for key in partitions
            ]
            selects.append(f"SELECT {', '.join(shown)} FROM {self._read(group, keys)}")
        return f"({' UNION ALL '.join(selects)}) AS parts"

    def _read(self, group: Sequence[CsvFile], partitions: Sequence[str]) -> str:
        urls = [one.served(self._reader.served) for one in group]  # makes copies where they are needed
        dialect = group[0].dialect
        line = max(_LINE, *(one.longest for one in group))
        columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(dialect.header)))
        arguments = {
            "auto_detect": "false",
            "header": "true",
            "delim": text(dialect.delimiter),
            "quote": text('"'),
            "escape": text(dialect.escape),
            "allow_quoted_nulls": "false",
            "max_line_size": str(line),
            "buffer_size": str(max(_BUFFER, 2 * line)),
            "compression": text(("" if group[0].is_copied else group[0].file.compression) or "none"),
            "hive_partitioning": "true" if partitions else "false",
            "columns": f"{{{columns}}}",
        }
        if all(one.has_one_line_end for one in group):
            arguments["new_line"] = r"'\n'"
        if partitions:
            arguments["hive_types_autocast"] = "false"
        return (
            f"read_csv({texts(urls)}, {', '.join(f'{name} = {value}' for name, value in arguments.items())})"
        )


def _without_empty_ends(
    columns: Sequence[FileColumn], types: Sequence[Typed], opened: Sequence[CsvFile]
) -> tuple[FileColumn, ...]:
    """Return the columns without those at the end that have neither a name nor a value."""
    header = opened[0].dialect.header
    end = len(header)
    while end > 1 and not header[end - 1] and types[end - 1].is_empty:
        end -= 1
    return (*columns[:end], *columns[len(header) :])


def _mended(opened: Sequence[CsvFile], fault: DuckDBError) -> bool:
    """Find another way to read files that DuckDB has refused; return whether there is one."""
    if fault.is_long_line:
        for one in opened:
            one.lengthen()
        return True
    ways = [one.mend() for one in opened]
    return any(ways)
