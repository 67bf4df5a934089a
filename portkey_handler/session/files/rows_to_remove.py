"""Rows to remove from a file, for INSERT OR REPLACE; no byte of the others changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import StatementError
from .compression import packed, unpacked
from .csv_text import records_of
from .json_records import decoded, parts_of

if TYPE_CHECKING:
    from .csv_files import CsvFile
    from .options import FileOptions


def without_csv_rows(content: bytes, file: CsvFile, stay: Sequence[int], rows: int) -> bytes:
    """Return the content of a CSV file with only some of its rows.

    Args:
        content: The file, packed or not.
        file: How it is read.
        stay: The places of the rows that stay.
        rows: How many it has.

    Raises:
        StatementError: Its lines are not as many as its rows.
    """
    plain = unpacked(content, file.file.compression)
    text = _same(plain[file.mark :], file.encoding, file.name)
    header, *records = records_of(text, file.dialect)
    found = [place for place, (_, is_row) in enumerate(records) if is_row]
    if len(found) != rows:  # in a table of one column, a blank line is a row
        found = list(range(len(records)))
    _check(file.name, len(found), rows)
    staying = set(stay)
    gone = {place for number, place in enumerate(found) if number not in staying}
    kept = [lines for place, (lines, _) in enumerate(records) if place not in gone]
    return packed(
        plain[: file.mark] + _bytes("".join([header[0], *kept]), file.encoding), file.file.compression
    )


def without_json_rows(
    content: bytes, stay: Sequence[int], rows: int, name: str, options: FileOptions
) -> bytes:
    """Return the content of a JSON file with only some of its records; see `without_csv_rows`."""
    text, encoding, mark = decoded(content, name, options)
    _same(content[mark:], encoding, name)
    before, records, after = parts_of(text)
    _check(name, len(records), rows)
    kept = [records[place] for place in stay]
    # A record takes the comma or the line end before it along; the first one that stays leaves it.
    shown = [kept[0][1], *(between + record for between, record in kept[1:])] if kept else []
    return content[:mark] + _bytes("".join([before, *shown, after]), encoding)


def _same(content: bytes, encoding: str, name: str) -> str:
    """Return the text of bytes that can be written back as they are."""
    text = content.decode(encoding, _errors(encoding))
    if _bytes(text, encoding) != content:
        raise StatementError(
            f"files.{name} has bytes that {encoding} writes in another way, so no row of it can be replaced; "
            f"CREATE TABLE files.… (SELECT * FROM files.{name}) makes a table that can"
        )
    return text


def _bytes(text: str, encoding: str) -> bytes:
    return text.encode(encoding, _errors(encoding))


def _errors(encoding: str) -> str:
    """Return how half an emoji is treated, which some programs write and which stays as it is."""
    return "surrogatepass" if encoding.startswith("utf-") else "strict"


def _check(name: str, found: int, rows: int) -> None:
    if found != rows:
        raise StatementError(
            f"files.{name} has {found} records and {rows} rows, so it is not known which to replace; "
            f"CREATE TABLE files.… (SELECT * FROM files.{name}) makes a table whose rows can be replaced"
        )
