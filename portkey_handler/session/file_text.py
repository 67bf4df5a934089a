"""The bytes of a file as UTF-8, and what is wrong with them, by line."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEP = re.compile(rb"\Asep=(.)\r?\n")
_QUOTED = re.compile(rb'"[^"]*"')
_DELIMITERS = ",;\t|"


def as_utf8(content: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark; UTF-16 is known by its mark.

    Raises:
        ValueError: It is neither; the message names the line, and the encoding that it may have.
    """
    if content.startswith(_UTF16):
        try:
            return content.decode("utf-16").encode()
        except UnicodeError as error:
            raise ValueError(f"it has the mark of UTF-16, and is not ({error.reason})") from None  # type: ignore[attr-defined]
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} is not UTF-8{_likely(content)}; save the file as UTF-8, or as UTF-16 with a mark"
        ) from None
    return content


def _likely(content: bytes) -> str:
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return " (it may be cp1252)"


def delimiter_of(content: bytes) -> tuple[bytes, str]:
    """Return a CSV without the blank lines and the `sep=;` before its header, and its delimiter."""
    content = content.lstrip(b"\r\n")
    if said := _SEP.match(content):
        return content[said.end() :], said[1].decode()
    header = _QUOTED.sub(b"", content.split(b"\n", 1)[0].split(b"\r", 1)[0])
    return content, max(_DELIMITERS, key=lambda sign: header.count(sign.encode()))


def has_backslashes(content: bytes, delimiter: str) -> bool:
    r"""Return whether `\"` in a CSV is a quote in a cell. At a cell's end it is the backslash of a path."""
    return re.search(rb'\\"[^\r\n' + re.escape(delimiter).encode() + rb"]", content) is not None


def check_quotes(content: bytes, delimiter: str, escape: str | None) -> None:
    """Check that every quote of a CSV is closed: the rest of the file would be one cell.

    Raises:
        ValueError: One is not; the message names the line of its row.
    """
    if content.count(b'"') % 2 == 0:
        return
    lines = content.decode().splitlines(keepends=True)
    rows = csv.reader(lines, delimiter=delimiter, escapechar=escape, strict=True)
    line = 1
    limit = csv.field_size_limit(len(content) + 1)
    try:
        for _ in rows:
            line = rows.line_num + 1
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise ValueError(f"a quote in line {line} is never closed; close it, or double it") from None
    finally:
        csv.field_size_limit(limit)


def with_rows(content: bytes, rows: Iterable[Sequence[str | None]]) -> bytes:
    """Return the content of a CSV with rows added in its own form; nothing before them changes.

    Args:
        content: The file: its delimiter, line ends, encoding and escapes are used.
        rows: The cells, in the order of its columns; None is NULL, an empty field.
    """
    text, delimiter = delimiter_of(as_utf8(content))
    escape = "\\" if has_backslashes(text, delimiter) else None
    end = next((one for one in ("\r\n", "\n", "\r") if one.encode() in text), "\n")
    lines = [delimiter.join(_field(cell, delimiter, escape) for cell in row) + end for row in rows]
    if text and not text.endswith((b"\n", b"\r")):
        lines.insert(0, end)
    mark = next((one for one in _UTF16 if content.startswith(one)), None)
    encoding = "utf-8" if mark is None else "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    return content + "".join(lines).encode(encoding)


def _field(cell: str | None, delimiter: str, escape: str | None) -> str:
    if cell is None:
        return ""
    quoted = cell.replace("\\", "\\\\") if escape else cell
    quoted = quoted.replace('"', '""')
    # An empty text has quotes, because without them it is NULL.
    bare = cell and quoted == cell and cell.strip() == cell and not set(cell) & {delimiter, "\n", "\r"}
    return cell if bare else f'"{quoted}"'
