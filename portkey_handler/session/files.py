"""The folder behind the SQL name `files`: its tables are read and written here, and nothing outside of it.

Files are opened here after their links are resolved, not by DuckDB, which follows links out of its allowed
folders.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import AlreadyExistsError, NotFoundError, StatementError
from .frames import Table, from_frame
from .locking import locked, replace_file

#: Marks a column of a Parquet file that holds JSON, so that it is read as what was written.
_JSON = {b"portkey_handler": b"json"}
FORMATS = ("csv", "parquet", "json", "jsonl")
#: What a column of a CSV must look like, in every cell, to be more than text. A number that starts with 0 is
#: text: `007` is a name that somebody gave, not seven.
_LOOKS = (
    (r"^-?(0|[1-9][0-9]{0,18})$", pa.int64()),
    (r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$", pa.float64()),
    (r"^(true|false|True|False|TRUE|FALSE)$", pa.bool_()),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", pa.date32()),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$", pa.timestamp("us")),
)


class Files:
    """The tables of one folder.

    Args:
        folder: The folder; it need not exist until something is read from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def names(self) -> list[tuple[str, str]]:
        """Return name and format of every table, by name."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.suffix[1:].lower() in FORMATS]
        return sorted(
            (path.stem, path.suffix[1:].lower())
            for path in found
            if path.is_file() and not path.name.startswith(".")
        )

    def exists(self, name: str) -> bool:
        """Tell whether a table of that name is there."""
        return bool(self._candidates(name))

    def read(self, name: str) -> Table:
        """Return a table's rows.

        Raises:
            NotFoundError: There is no such table.
            StatementError: The name leaves the folder, or the file cannot be read as its ending says.
        """
        path = self._path(name)
        with self._open(path) as file:
            content = file.read()
        read = _READERS[path.suffix[1:].lower()]
        try:
            return read(content)
        except (pa.ArrowInvalid, UnicodeDecodeError, ValueError) as error:
            what = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise StatementError(f"files.{name} ({path.name}) cannot be read: {what}") from None

    def check_free(self, name: str) -> None:
        """Refuse a name that a table has already.

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
        """Return a table's columns; refuse names that are not among them.

        Raises:
            NotFoundError: There is no such table.
            StatementError: A column that it does not have.
        """
        known = self.read(name).names
        unknown = [column for column in columns if column.lower() not in {item.lower() for item in known}]
        if unknown:
            raise StatementError(
                f"files.{name} has no column {', '.join(unknown)}; it has: {', '.join(known)}"
            )
        return known

    def create(self, name: str, rows: Table, *, replace: bool = False) -> None:
        """Write a new table, as Parquet, which keeps the types.

        Raises:
            AlreadyExistsError: There is one of that name and `replace` is false.
        """
        with self._writing(name):
            if not replace:
                self.check_free(name)
            existing = self._candidates(name)
            target = self.folder / f"{name}.parquet"
            replace_file(target, _to_parquet(rows), mode=0o666)
            for path in existing:
                if path.name != target.name:
                    path.unlink()

    def append(self, name: str, rows: Table, columns: list[str] | None = None) -> None:
        """Add rows to a table, whose file keeps its format.

        Args:
            name: The table.
            rows: What to add.
            columns: The columns that `rows` fill, in order; None: those of the same names.

        Raises:
            NotFoundError: There is no such table.
            StatementError: Columns that the table does not have, or values that do not fit.
        """
        with self._writing(name):
            path = self._path(name)
            kind = path.suffix[1:].lower()
            merged = _appended(name, self.read(name), rows, columns, as_text=kind == "csv")
            replace_file(path, _WRITERS[kind](merged), mode=stat.S_IMODE(path.stat().st_mode))

    def drop(self, name: str) -> None:
        """Delete a table's file.

        Raises:
            NotFoundError: There is no such table.
        """
        with self._writing(name):
            self._path(name).unlink()

    # ---- where a name leads

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
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean files.{close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
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


def _read_csv(content: bytes) -> Table:
    if not content.strip():
        raise ValueError("the file is empty; a first line with the columns' names is needed")
    header = content.split(b"\n", 1)[0]
    delimiter = max(",;\t|", key=lambda sign: header.count(sign.encode()))
    options = {"delimiter": delimiter, "newlines_in_values": True}
    read = pyarrow.csv.ReadOptions(block_size=max(1 << 20, len(content) + 1))
    parse = pyarrow.csv.ParseOptions(**options)
    names = pyarrow.csv.open_csv(io.BytesIO(content), read_options=read, parse_options=parse).schema.names
    texts = pyarrow.csv.read_csv(
        io.BytesIO(content),
        read_options=read,
        parse_options=parse,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    columns = [_typed(texts.column(position)) for position in range(texts.num_columns)]
    return Table(pa.Table.from_arrays(columns, names=texts.column_names)).distinctly_named()


def _typed(texts: Any) -> Any:
    present = texts.drop_null()
    if not len(present):
        return texts
    for pattern, kind in _LOOKS:
        if pc.all(pc.match_substring_regex(present, pattern)).as_py():
            try:
                return texts.cast(kind)
            except pa.ArrowInvalid:
                continue  # 2026-02-31 looks like a date but is none
    return texts


def _read_parquet(content: bytes) -> Table:
    arrow = pyarrow.parquet.read_table(io.BytesIO(content)).replace_schema_metadata(None)
    marked = [_JSON.items() <= (field.metadata or {}).items() for field in arrow.schema]
    return Table(arrow, frozenset(position for position, is_json in enumerate(marked) if is_json))


def _read_json(content: bytes) -> Table:
    records = json.loads(content.decode("utf-8-sig"))
    return _from_records(records if isinstance(records, list) else [records])


def _read_jsonl(content: bytes) -> Table:
    lines = content.decode("utf-8-sig").split("\n")
    return _from_records([json.loads(line) for line in lines if line.strip()])


def _from_records(records: list[Any]) -> Table:
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("every record must be an object")
    names = list(dict.fromkeys(name for record in records for name in record))
    frame = pd.DataFrame(index=pd.RangeIndex(len(records)))
    columns = {name: pd.Series([record.get(name) for record in records], dtype=object) for name in names}
    return from_frame(pd.concat(columns, axis=1) if columns else frame)


def _to_parquet(rows: Table) -> bytes:
    buffer = io.BytesIO()
    arrow = rows.distinctly_named().arrow
    for position in rows.json:
        field = arrow.schema.field(position).with_metadata(_JSON)
        arrow = arrow.set_column(position, field, arrow.column(position))
    pyarrow.parquet.write_table(arrow, buffer)
    return buffer.getvalue()


def _to_csv(rows: Table) -> bytes:
    # Arrow quotes every text and leaves NULL bare, so that an empty text is still one when it is read again.
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(_nested_as_json(rows.arrow), buffer)
    return buffer.getvalue()


def _to_json(rows: Table) -> bytes:
    return _dumps(_records(rows), indent=1).encode()


def _to_jsonl(rows: Table) -> bytes:
    return "".join(_dumps(record) + "\n" for record in _records(rows)).encode()


def _records(rows: Table) -> list[dict[str, Any]]:
    decoded = [
        [None if cell is None else json.loads(cell) for cell in column.to_pylist()]
        if position in rows.json
        else column.to_pylist()
        for position, column in enumerate(rows.arrow.columns)
    ]
    return [dict(zip(rows.names, cells, strict=True)) for cells in zip(*decoded, strict=True)]


def _dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _nested_as_json(arrow: Any) -> Any:
    for position, field in enumerate(arrow.schema):
        if pa.types.is_nested(field.type):
            cells = arrow.column(position).to_pylist()
            texts = pa.array([None if cell is None else _dumps(cell) for cell in cells], pa.string())
            arrow = arrow.set_column(position, field.name, texts)
    return arrow


def _appended(name: str, old: Table, new: Table, columns: list[str] | None, *, as_text: bool) -> Table:
    given = new.names if columns is None else columns
    if len(given) != len(new.names):
        raise StatementError(
            f"INSERT INTO files.{name} names {len(given)} columns for {len(new.names)} values"
        )
    places = {column.lower(): position for position, column in enumerate(given)}
    known = {column.lower() for column in old.names}
    unknown = [column for column in given if column.lower() not in known]
    if unknown or len(places) != len(given):
        raise StatementError(
            f"files.{name} has no column {', '.join(unknown) or 'of each of these names'}; it has: "
            f"{', '.join(old.names)} (name what is inserted with AS, or list the columns behind the table)"
        )
    arrays = []
    for position, column in enumerate(old.names):
        first = old.arrow.column(position)
        place = places.get(column.lower())
        second = pa.nulls(new.arrow.num_rows, first.type) if place is None else new.arrow.column(place)
        arrays.append(_joined(name, column, first, second, as_text=as_text))
    return Table(pa.Table.from_arrays(arrays, names=old.names), old.json)


def _joined(name: str, column: str, first: Any, second: Any, *, as_text: bool) -> Any:
    parts = [pa.table({"x": first}), pa.table({"x": second})]
    try:
        return pa.concat_tables(parts, promote_options="permissive").column("x")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if as_text or pa.types.is_string(first.type):
            texts = [_nested_as_json(part).column("x").cast(pa.string()) for part in parts]
            return pa.concat_tables([pa.table({"x": text}) for text in texts]).column("x")
        if pa.types.is_null(first.type):
            return pa.concat_tables([pa.table({"x": first.cast(second.type)}), parts[1]]).column("x")
        raise StatementError(
            f"files.{name}: the column {column} holds {first.type}, {second.type} does not fit in; use CAST"
        ) from None


_READERS: dict[str, Callable[[bytes], Table]] = {
    "csv": _read_csv, "parquet": _read_parquet, "json": _read_json, "jsonl": _read_jsonl,
}  # fmt: skip
_WRITERS: dict[str, Callable[[Table], bytes]] = {
    "csv": _to_csv, "parquet": _to_parquet, "json": _to_json, "jsonl": _to_jsonl,
}  # fmt: skip
