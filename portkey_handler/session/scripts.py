"""The text of a script of statements."""

from __future__ import annotations

from ..errors import StatementError
from .files.csv_text import check_encoding, encoding_of, likely_encoding


def script_text(content: bytes, name: str, encoding: str | None = None) -> str:
    """Return the text of a script: UTF-8, or what its byte order mark says.

    Args:
        content: The script.
        name: Its name, for messages.
        encoding: The encoding of a script that has no mark and is not UTF-8.

    Raises:
        StatementError: It is not text of its encoding; the message names the line.
    """
    found, mark = encoding_of(content, None)
    others = [check_encoding(encoding)] if encoding and not mark else []
    for one in (found, *others):
        try:
            return content[mark:].decode(one)
        except UnicodeDecodeError as error:
            last = error
    line = 1 + content[mark:].count(b"\n", 0, last.start)
    likely = likely_encoding(content)
    remedy = f"--encoding {likely}" if likely and not others else "save it as UTF-8"
    raise StatementError(f"{name}, line {line}: it is not {last.encoding}; {remedy}")
