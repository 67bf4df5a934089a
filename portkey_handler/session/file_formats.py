"""File formats: from bytes to rows and back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import StatementError
from .file_text import as_utf8, check_quotes, delimiter_of, has_backslashes
from .table import MARK, Table

#: Marks a column of a Parquet file that holds JSON, so that it is read back as objects.
_JSON = {b"portkey_handler": b"json"}
#: The pattern that every cell of a CSV column must match to have a type other than text. `007` and `12E4` are
#: identifiers, not 7 and 120000.
_LOOKS = (
    (r"^-?(0|[1-9][0-9]*)$", pa.int64()),
    (r"^-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?)?$", pa.float64()),
    (r"^(true|false|True|False|TRUE|FALSE)$", pa.bool_()),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", pa.date32()),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$", pa.timestamp("us")),
)
#: The digits that every number of 64 bits keeps, and those of DuckDB's widest DECIMAL.
_FLOAT_DIGITS, _DECIMAL_DIGITS = 15, 38


def _read_csv(content: bytes) -> Table:
    content, delimiter = delimiter_of(as_utf8(content))
    if not content.strip():
        raise ValueError("the file is empty; a first line with the columns' names is needed")
    escape = "\\" if has_backslashes(content, delimiter) else None
    check_quotes(content, delimiter, escape)
    wrong: list[Any] = []

    def note(row: Any) -> str:
        wrong.append(row)
        return "error"

    parse = pyarrow.csv.ParseOptions(
        delimiter=delimiter, escape_char=escape or False, newlines_in_values=True, invalid_row_handler=note
    )
    try:
        texts = _texts_of_csv(content, parse)
    except pa.ArrowInvalid:
        if not wrong:
            raise
        row = wrong[0]
        raise ValueError(
            f"row {row.number} (the header is row 1) has {row.actual_columns} cells for "
            f"{row.expected_columns} columns; correct it, or put a cell with the delimiter into quotes"
        ) from None
    columns = [_typed(texts.column(position)) for position in range(texts.num_columns)]
    return Table(pa.Table.from_arrays(columns, names=texts.column_names)).distinctly_named()


def _texts_of_csv(content: bytes, parse: Any) -> Any:
    """Return the cells of a CSV as texts; an empty cell is NULL."""
    # One thread, because only then rows have numbers.
    read = pyarrow.csv.ReadOptions(block_size=max(1 << 20, len(content) + 1), use_threads=False)
    names = pyarrow.csv.open_csv(io.BytesIO(content), read_options=read, parse_options=parse).schema.names
    parse.ignore_empty_lines = len(names) > 1  # in one column, an empty line is NULL
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pyarrow.csv.read_csv(
        io.BytesIO(content), read_options=read, parse_options=parse, convert_options=convert
    )


def _typed(texts: Any) -> Any:
    present = texts.drop_null()
    if not len(present):
        return texts
    for pattern, kind in _LOOKS:
        if pc.all(pc.match_substring_regex(present, pattern)).as_py():
            try:
                return _exact(texts, present) if kind == pa.float64() else texts.cast(kind)
            except pa.ArrowInvalid:
                continue  # 2026-02-31 looks like a date but is none, and a whole number may be too long
    return texts


def _exact(texts: Any, present: Any) -> Any:
    """Return numbers as floats if floats keep all digits, else as decimals, else as texts."""
    digits = pc.utf8_ltrim(pc.replace_substring_regex(present, r"[eE].*$|[-.]", ""), "0")  # significant ones
    long = present.filter(pc.greater(pc.utf8_length(digits), _FLOAT_DIGITS)).to_pylist()
    if all(Decimal(repr(float(text))) == Decimal(text) for text in long):
        numbers = texts.cast(pa.float64())
        return numbers if pc.all(pc.is_finite(numbers.drop_null())).as_py() else texts
    fractions = pc.replace_substring_regex(present, r"^[^.]*\.?", "")
    scale = pc.max(pc.utf8_length(fractions)).as_py()
    if pc.any(pc.match_substring_regex(present, "[eE]")).as_py() or not 0 < scale <= _DECIMAL_DIGITS:
        return texts
    return texts.cast(pa.decimal128(_DECIMAL_DIGITS, scale))


def _read_parquet(content: bytes) -> Table:
    arrow = pyarrow.parquet.read_table(io.BytesIO(content)).replace_schema_metadata(None)
    marked = [_JSON.items() <= (field.metadata or {}).items() for field in arrow.schema]
    return Table(arrow, frozenset(position for position, is_json in enumerate(marked) if is_json))


def _read_json(content: bytes) -> Table:
    text = as_utf8(content).decode()
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # a record for each line
            return _from_lines(text)
        raise ValueError(f"line {error.lineno} is not JSON ({error.msg})") from None
    return _from_records(records if isinstance(records, list) else [records])


def _read_jsonl(content: bytes) -> Table:
    return _from_lines(as_utf8(content).decode())


def _from_lines(text: str) -> Table:
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is not JSON ({error.msg}); correct or remove it") from None
    return _from_records(records)


def _from_records(records: list[Any]) -> Table:
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("every record must be an object")
    from .arrow_frames import from_data

    return from_data(records)


def to_parquet(rows: Table) -> bytes:
    """Return the content of a Parquet file."""
    check_cells(rows)
    buffer = io.BytesIO()
    arrow = rows.distinctly_named().arrow
    for position in rows.json:
        field = arrow.schema.field(position).with_metadata(_JSON)
        arrow = arrow.set_column(position, field, arrow.column(position))
    pyarrow.parquet.write_table(arrow, buffer)
    return buffer.getvalue()


def _to_csv(rows: Table) -> bytes:
    # Arrow quotes every text and leaves NULL unquoted, so an empty text is read back as an empty text.
    check_cells(rows)
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(nested_as_json(rows.arrow), buffer)
    return buffer.getvalue()


def _to_json(rows: Table) -> bytes:
    return _dumps(_records(rows), indent=1).encode()


def _to_jsonl(rows: Table) -> bytes:
    return "".join(_dumps(record) + "\n" for record in _records(rows)).encode()


def check_cells(rows: Table) -> None:
    """Check that every cell has a value that can be written.

    Raises:
        StatementError: A cell has none, such as half an emoji; the message names the column.
    """
    for name, column in zip(rows.names, rows.arrow.columns, strict=True):
        if pa.types.is_string(column.type):
            marked = column.filter(pc.match_substring(column, MARK))
            if len(marked):
                reason = marked[0].as_py().partition(MARK)[2].rstrip('"')
                raise StatementError(f"the column {name} has a cell that cannot be written: {reason}")


def _records(rows: Table) -> list[dict[str, Any]]:
    check_cells(rows)
    decoded = [
        [None if cell is None else json.loads(cell) for cell in column.to_pylist()]
        if position in rows.json
        else column.to_pylist()
        for position, column in enumerate(rows.arrow.columns)
    ]
    return [dict(zip(rows.names, cells, strict=True)) for cells in zip(*decoded, strict=True)]


def _dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def nested_as_json(arrow: Any) -> Any:
    """Return rows whose objects and lists are JSON texts."""
    for position, field in enumerate(arrow.schema):
        if pa.types.is_nested(field.type):
            cells = arrow.column(position).to_pylist()
            texts = pa.array([None if cell is None else _dumps(cell) for cell in cells], pa.string())
            arrow = arrow.set_column(position, field.name, texts)
    return arrow


READERS: dict[str, Callable[[bytes], Table]] = {
    "csv": _read_csv, "parquet": _read_parquet, "json": _read_json, "jsonl": _read_jsonl,
}  # fmt: skip
WRITERS: dict[str, Callable[[Table], bytes]] = {
    "csv": _to_csv, "parquet": to_parquet, "json": _to_json, "jsonl": _to_jsonl,
}  # fmt: skip
