"""Items as lines of batch files: a pure function of the items, in files that a provider takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import orjson

from ..records import Request

#: What OpenAI takes in one file; of embeddings, so many texts in all lines together.
MOST_LINES = 50_000
MOST_BYTES = 200 * 10**6
#: Of these, what is used: a file is in memory while it is uploaded.
_BYTES = 100 * 10**6
_VERSION = "/v1"
_DIGEST = 16


def custom_id(key: bytes) -> str:
    """Return the id of an item's line: its digest."""
    return key.hex()


def key_of(written: object) -> bytes | None:
    """Return the key of the item with this id; None for an id that is not ours."""
    try:
        return bytes.fromhex(written) if isinstance(written, str) else None
    except ValueError:
        return None


def line_of(key: bytes, request: Request) -> bytes:
    """Return the line of an item's request, with its line break."""
    head = {"custom_id": custom_id(key), "method": "POST", "url": _VERSION + request.path}
    return b"".join((orjson.dumps(head)[:-1], b',"body":', request.body, b"}\n"))


@dataclass(slots=True)
class LinesFile:
    """A file of lines that is being made.

    Attributes:
        path: The path below the base URL to which its requests would go, such as `/chat/completions`.
        keys: The keys of its items, in order.
        size: Its bytes.
    """

    path: str
    keys: list[bytes] = field(default_factory=list)
    size: int = 0
    _lines: list[bytes] = field(default_factory=list)

    def fits(self, line: bytes) -> bool:
        """Return whether the provider takes the file with one more line."""
        return not self.keys or (len(self.keys) < MOST_LINES and self.size + len(line) <= _BYTES)

    def add(self, key: bytes, line: bytes) -> None:
        """Add the line of an item."""
        self.keys.append(key)
        self._lines.append(line)
        self.size += len(line)

    @property
    def digest(self) -> bytes:
        """A digest of the lines: files with equal digests are the same question."""
        made = hashlib.blake2b(digest_size=_DIGEST)
        for line in self._lines:
            made.update(line)
        return made.digest()

    @property
    def content(self) -> bytes:
        """The whole file."""
        return b"".join(self._lines)
