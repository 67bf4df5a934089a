"""The text of a CSV: its encoding, its dialect, what is wrong with it by line, and lines added to it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...errors import StatementError
from ...usage.formatting import counted

#: UTF-32's come before UTF-16's, with which they begin.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEP = re.compile(r"\Asep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)
_BLANK = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))+")
_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Dialect:
    """How the lines of a CSV are to be read.

    Attributes:
        delimiter: The sign between cells.
        header: The cells of the header.
        skipped: The characters before the header: blank lines and `sep=;`.
        escape: The sign before a quote in a cell: a quote or a backslash.
        breaks_in_header: Whether a cell of the header has a line break in it.
    """

    delimiter: str
    header: tuple[str, ...]
    skipped: int = 0
    escape: str = '"'
    breaks_in_header: bool = False


def encoding_of(head: bytes, said: str | None) -> tuple[str, int]:
    """Return the encoding of a text, and the length of the mark before it.

    Args:
        head: The first bytes.
        said: The encoding that the user has named; a mark wins over it.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return said or "utf-8", 0


def check_encoding(name: str) -> str:
    """Return the usual name of an encoding.

    Raises:
        StatementError: There is none of that name.
    """
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    if found is None or not getattr(found, "_is_text_encoding", True):
        raise StatementError(
            f"the encoding {name!r} is not known; known are utf-8, utf-16, cp1252, latin-1, cp1250, cp1251, "
            "shift_jis, gb18030 and the others of Python"
        )
    return found.name


def not_decoded(content: bytes, error: UnicodeDecodeError, name: str, line: int) -> str:
    """Return the sentence about bytes that are not of their encoding.

    Args:
        content: Bytes from the start of the file, by which a likely encoding is found.
        error: What the decoder said.
        name: The table, for the remedy.
        line: The line of the first such byte.
    """
    is_utf8 = error.encoding.lower() in ("utf-8", "utf8")
    what = f"line {line} is not {_shown(error.encoding)}"
    if is_utf8 and _is_mostly_utf8(content):
        return f"{what}, and other characters are: one was cut there; correct it, or leave the line out"
    likely = likely_encoding(content) if is_utf8 else ""
    if likely:
        return f"{what} (it may be {likely}); SET files.{name}.encoding = '{likely}'"
    return f"{what}; say its encoding by SET files.{name}.encoding = '…', or save the file as UTF-8"


def _is_mostly_utf8(content: bytes) -> bool:
    """Return whether more characters are UTF-8 of several bytes than are none."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(not character.isascii() for character in text) >= 2 * wrong


def _shown(encoding: str) -> str:
    return {"utf-8": "UTF-8", "utf8": "UTF-8"}.get(encoding.lower(), encoding)


def likely_encoding(content: bytes) -> str:
    """Return the likely encoding of a text without a mark that is not UTF-8; an empty text for none."""
    sample = content[:4096]
    zeros = sample.count(0)
    if zeros > len(sample) // 4:
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "" if zeros else "latin-1"
    return "cp1252"


def dialect_of(head: str, said: str | None = None) -> Dialect:
    """Return the dialect of a CSV by its first lines.

    Args:
        head: Its first characters.
        said: The delimiter that the user has named, or that the file's suffix says.

    Raises:
        ValueError: There is no header.
    """
    skipped = _blank_before(head)
    sep = _SEP.match(head[skipped:])
    if sep is not None:
        skipped += len(sep[0])
        skipped += _blank_before(head[skipped:])
    rest = head[skipped:]
    if not rest.strip():
        raise ValueError("the file is empty; a first line with the columns' names is needed")
    first = re.split(r"[\r\n]", _QUOTED.sub("", rest), maxsplit=1)[0]
    if said is None and sep is not None:
        said = sep[1]
    delimiter = said or max(_DELIMITERS, key=first.count)
    header = next(
        csv.reader(
            io.StringIO(rest, newline=""), delimiter=delimiter, skipinitialspace=True, doublequote=True
        )
    )
    breaks = any("\n" in cell or "\r" in cell for cell in header)
    return Dialect(delimiter, tuple(cell.strip() for cell in header), skipped, breaks_in_header=breaks)


def _blank_before(text: str) -> int:
    found = _BLANK.match(text)
    return 0 if found is None else found.end()


def fault_in(lines: Iterable[str], dialect: Dialect) -> str | None:
    """Return what is wrong with the lines of a CSV, or None.

    Args:
        lines: All its lines, with their ends, from the first of the file.
        dialect: How they are to be read.
    """
    read = _Numbered(lines, dialect.skipped)
    rows = _rows(read, dialect, strict=True)
    width = len(dialect.header)
    limit = csv.field_size_limit(2**31 - 1)
    line = 1
    try:
        for row in rows:
            extra = [cell for cell in row[width:] if cell]
            if extra or (row and len(row) < width):
                return (
                    f"line {line} has {counted(len(row), 'cell')} for {counted(width, 'column')}; correct "
                    "it, or put a cell with the delimiter into quotes"
                )
            line = read.number + 1
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return f"a quote in line {line} is never closed; close it, or double it"
        if "expected after" in str(error):
            return (
                f"a quote in line {line} is followed by other text; double a quote inside of a cell, or "
                "close the cell there"
            )
        return f"line {line} cannot be read as CSV ({error})"
    finally:
        csv.field_size_limit(limit)
    return None


def records_of(text: str, dialect: Dialect) -> list[tuple[str, bool]]:
    """Return the records of a CSV without a fault as they are written, line ends included.

    The first is the header with all before it. Beside each stands whether it is a row, and not a blank line.
    """
    lines = list(io.StringIO(text, newline=""))
    read = _Numbered(lines, dialect.skipped)
    rows = _rows(read, dialect)
    limit = csv.field_size_limit(2**31 - 1)
    try:
        found, start = [], 0
        for row in rows:
            found.append(("".join(lines[start : read.number]), bool(row)))
            start = read.number
    finally:
        csv.field_size_limit(limit)
    return found


def _rows(lines: _Numbered, dialect: Dialect, *, strict: bool = False) -> Iterator[list[str]]:
    """Read lines by their dialect; strictly: a quote in a wrong place is an error."""
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        escapechar=None if dialect.escape == '"' else dialect.escape,
        skipinitialspace=True,
        strict=strict,
    )


class _Numbered:
    """Lines, and the number of the last one that was taken; the characters before the header are left out."""

    def __init__(self, lines: Iterable[str], skipped: int) -> None:
        self._lines = iter(lines)
        self._skipped = skipped
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines)
            self.number += 1
            if self._skipped <= 0:
                return line
            self._skipped -= len(line)


def with_one_line_end(text: str, dialect: Dialect) -> str:
    r"""Return the text of a CSV whose lines all end with ``\n``; quoted cells stay as they are."""
    sign, escape = re.escape(dialect.delimiter), re.escape(dialect.escape)
    inside = r'(?:[^"]|"")*' if dialect.escape == '"' else rf'(?:[^"{escape}]|{escape}.)*'
    field = rf'(?:(?<={sign})|(?<=[\r\n])|\A)[ ]*"{inside}"|\r\n|\r'
    return re.sub(field, lambda found: "\n" if found[0][0] == "\r" else found[0], text, flags=re.DOTALL)


def with_rows(
    content: bytes, rows: Iterable[Sequence[str | None]], dialect: Dialect, encoding: str, mark: int = 0
) -> bytes:
    """Return the content of a CSV with rows added in its own form; nothing before them changes.

    Args:
        content: The file; its line ends are used.
        rows: The cells, in the order of its columns; None is NULL, an empty field.
        dialect: How it is read.
        encoding: Its encoding.
        mark: The length of the byte order mark.

    Raises:
        StatementError: The encoding lacks a character.
    """
    text = content[mark:].decode(encoding, "replace")  # for the line end alone
    end = next((one for one in ("\r\n", "\n", "\r") if one in text), "\n")
    lines = [dialect.delimiter.join(_field(cell, dialect) for cell in row) + end for row in rows]
    if text and not text.endswith(("\n", "\r")):
        lines.insert(0, end)
    try:
        return content + "".join(lines).encode(encoding)
    except UnicodeEncodeError as error:
        raise StatementError(
            f"a new row has the character U+{ord(error.object[error.start]):04X}, which {encoding} does not "
            "have; leave it out, or save the file as UTF-8"
        ) from None


def _field(cell: str | None, dialect: Dialect) -> str:
    if cell is None:
        return ""
    quoted = cell if dialect.escape == '"' else cell.replace("\\", "\\\\")
    quoted = quoted.replace('"', f'{dialect.escape}"')
    # An empty text has quotes, because without them it is NULL.
    bare = cell and quoted == cell and cell.strip() == cell and not set(cell) & {"\n", "\r"}
    return cell if bare and dialect.delimiter not in cell else f'"{quoted}"'
