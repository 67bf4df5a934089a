"""One CSV file in one version: its characters, its dialect, and a copy where DuckDB cannot read it itself."""

from __future__ import annotations

import codecs
import io
import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ...errors import StatementError
from ..table import MARK
from .csv_text import dialect_of, encoding_of, fault_in, not_decoded, with_one_line_end
from .folder import Folder, Version
from .found import File
from .options import FileOptions
from .served import Served

#: The first bytes, by which the dialect is found.
_HEAD = 1 << 20
_BLOCK = 1 << 20
#: The bytes of a file that is kept in memory.
_SMALL = 1 << 16
_UTF8 = "utf-8"
_SUFFIX_SAYS = {"tsv": "\t"}
#: A surrogate, half of a character beyond the first 65,536, written as UTF-8.
_HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


class CopyNeededError(StatementError):
    """DuckDB cannot read a file, but a copy of it.

    Attributes:
        csv: The file.
    """

    csv: Any = None


class OtherEncodingError(StatementError):
    """A file is not UTF-8, and an encoding is said for such files.

    Attributes:
        csv: The file.
        encoding: The encoding.
    """

    csv: Any = None
    encoding: str = ""


class CsvFile:
    """A CSV file as it was when this object was made.

    Args:
        folder: The folder of the files.
        file: The file.
        options: What the user has said about the table.

    Attributes:
        name: The table, for messages.
        version: Its version.
        encoding: Its encoding.
        mark: The length of the byte order mark.
        dialect: How its lines are read.
        longest: The bytes of its longest line, where that is known to be very long.
        has_one_line_end: Whether DuckDB reads a copy in which all lines end alike.

    Raises:
        StatementError: It cannot be opened, or its first bytes are no CSV.
    """

    def __init__(self, folder: Folder, file: File, options: FileOptions) -> None:
        self.file = file
        self.version, self._content = _snapshot(folder, file)
        self.longest = 0
        self._folder = folder
        self._options = options
        self.name = options.name
        self.has_one_line_end = False
        self._has_halves = False
        self._copy: Any = None
        self._url: str | None = None
        with self._bytes() as stream:
            head = self._unpacked(stream, _HEAD)
        self.encoding, self.mark = encoding_of(head, options.encoding)
        decoder = self._decoder()
        try:
            text = decoder.decode(head[self.mark :], final=len(head) < _HEAD)
        except UnicodeDecodeError as error:
            raise self._not_decoded(head, error, 1 + head[self.mark :].count(b"\n", 0, error.start)) from None
        try:
            self.dialect = dialect_of(text, options.delimiter or _SUFFIX_SAYS.get(file.format))
        except ValueError as error:
            raise self.fault(str(error)) from None
        self._before = self.mark + len(text[: self.dialect.skipped].encode(self.encoding))

    @property
    def is_copied(self) -> bool:
        """Whether DuckDB reads a copy in UTF-8 that begins with the header."""
        return self._copy is not None

    def fault(self, what: str) -> StatementError:
        """Return the error that this file cannot be read."""
        return StatementError(f"files.{self.name} ({'/'.join(self.file.parts)}) cannot be read: {what}")

    def _not_decoded(self, content: bytes, error: UnicodeDecodeError, line: int) -> StatementError:
        """Return the error of bytes that are not of the file's encoding; another one may be said for it."""
        fault = self.fault(not_decoded(content, error, self.name, line))
        other = None if self.mark else self._options.other
        return fault if other is None else OtherEncodingError(fault.message, csv=self, encoding=other)

    # ---- as characters

    def characters(self) -> Iterator[str]:
        """Yield its characters in pieces, from the first after the mark.

        Raises:
            StatementError: Its bytes are not of its encoding.
        """
        decoder = self._decoder()
        line = 1
        with self._bytes() as stream:
            sample = self._unpacked(stream, _BLOCK)
            block = sample[self.mark :]
            while True:
                try:
                    decoded = decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    line += error.object.count(b"\n", 0, error.start)
                    raise self._not_decoded(sample + block, error, line) from None
                line += decoded.count("\n")
                piece = _without_halves(decoded)
                self._has_halves |= piece != decoded
                yield piece
                if not block:
                    return
                block = self._unpacked(stream, _BLOCK)

    def lines(self) -> Iterator[str]:
        """Yield its lines with their ends."""
        rest = ""
        for piece in self.characters():
            lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", rest + piece)
            rest = lines.pop()
            if not rest and lines and lines[-1].endswith("\r"):
                rest = lines.pop()  # its \n may follow
            yield from lines
        if rest:
            yield rest

    def _decoder(self) -> Any:
        # Half an emoji, which some programs write, fails its row and not the file.
        errors = "surrogatepass" if self.encoding in (_UTF8, "utf-16-le", "utf-16-be") else "strict"
        return codecs.getincrementaldecoder(self.encoding)(errors)

    def _bytes(self) -> Any:
        if self._content is not None:
            opened: Any = io.BytesIO(self._content)
        else:
            opened = os.fdopen(self._folder.open(self.file.parts), "rb")
        return pa.input_stream(opened, compression=self.file.compression) if self.file.compression else opened

    def _unpacked(self, stream: Any, size: int) -> bytes:
        try:
            return bytes(stream.read(size))
        except OSError as error:  # of Arrow, for a broken archive
            raise self.fault(f"it cannot be unpacked ({str(error).splitlines()[0]})") from None

    # ---- for DuckDB

    def served(self, served: Served) -> str:
        """Return its name for DuckDB, after which its bytes are checked when they are read."""
        if self._url is None:
            if self.dialect.breaks_in_header and not self.has_one_line_end:
                self._copy_with_one_line_end()  # DuckDB would take such a break for that of all lines
            elif not self.is_copied and self._needs_copy():
                self.copy()
            self._url = self._add_to(served)
            weakref.finalize(self, served.remove, self._url)
        return self._url

    def _needs_copy(self) -> bool:
        if self.encoding != _UTF8 or not self.file.compression:
            return self.encoding != _UTF8
        if self._before:
            return True
        for _ in self.characters():  # DuckDB would unpack it unchecked
            pass
        return self._has_halves

    def _add_to(self, served: Served) -> str:
        name = "/".join(self.file.parts)
        if self.is_copied:
            return served.add_copy(self._copy.fileno(), name)
        check = None if self.file.compression else self._check
        if self._content is not None:
            return served.add_bytes(self._content, name, self._before, check)
        return served.add(self._folder, self.file.parts, self.version, self._before, check)

    def mend(self) -> bool:
        """Find out why DuckDB cannot read it; return whether another way to read it was found.

        Raises:
            StatementError: A line is wrong.
        """
        fault = fault_in(self.lines(), self.dialect)
        if fault is not None:
            other = replace(self.dialect, escape="\\")
            if self.dialect == other or fault_in(self.lines(), other) is not None:
                raise self.fault(fault)
            self.dialect = other
            return True
        if self.has_one_line_end:
            return False
        self._copy_with_one_line_end()
        return True

    def _copy_with_one_line_end(self) -> None:
        self.has_one_line_end = True
        text = with_one_line_end("".join(self._from_header()), self.dialect)
        self._use_copy(iter([text]))

    def copy(self) -> None:
        """Have DuckDB read a copy."""
        self._use_copy(self._from_header())

    def lengthen(self) -> None:
        """Note that a line may be as long as the whole file."""
        size = self.version.size if self._copy is None else os.fstat(self._copy.fileno()).st_size
        self.longest = max(2 * self.longest, size + 1)

    def _from_header(self) -> Iterator[str]:
        skipped = self.dialect.skipped
        for piece in self.characters():
            yield piece[skipped:]
            skipped = max(0, skipped - len(piece))

    def _use_copy(self, pieces: Iterator[str]) -> None:
        # It has no name, and is gone when nobody refers to it any more.
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, copy.close)
        for piece in pieces:
            copy.write(piece.encode())
        copy.flush()
        self._copy, self._url = copy, None

    def _check(self, position: int, block: bytes, at: Any) -> None:
        """Check that a block is UTF-8; a character at its end may need bytes behind it."""
        if block.isascii():
            return
        whole = block + at(position + len(block), 3)
        start = 0
        while position and start < 3 and start < len(whole) and whole[start] & 0xC0 == 0x80:
            start += 1  # the rest of a character of the block before
        try:
            codecs.getincrementaldecoder(_UTF8)().decode(whole[start:], final=False)
        except UnicodeDecodeError as error:
            if start + error.start >= len(block):
                return  # in the block behind, which is checked itself
            if _HALF.match(whole, start + error.start):
                raise CopyNeededError(self.fault("half an emoji").message, csv=self) from None
            before = at(0, position + start + error.start)
            line = 1 + before.count(b"\n")
            raise self._not_decoded(before + whole[start:], error, line) from None


def _snapshot(folder: Folder, file: File) -> tuple[Version, bytes | None]:
    """Return a file's version, and the content of a small one, so that all is read of one version."""
    with os.fdopen(folder.open(file.parts), "rb") as opened:
        content = opened.read(_SMALL + 1)
        version = Version.of(os.fstat(opened.fileno()))
    return version, content if len(content) <= _SMALL else None


def _without_halves(text: str) -> str:
    """Return a text in which two halves of an emoji are one, and a single half is marked as no text."""
    if text.isascii():
        return text
    whole = re.sub("[\ud800-\udbff][\udc00-\udfff]", _joined, text)
    return re.sub("[\ud800-\udfff]", lambda half: f"{MARK}{_no_text(half[0])}{MARK}", whole)


def _joined(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _no_text(half: str) -> str:
    # Without a sign that may stand between cells.
    return f"the text has a lone surrogate (U+{ord(half):04X}) which UTF-8 cannot encode"
