"""The answers of a batch: its output and its error file, with lines in any order, read when they are needed.

The files may be larger than the memory, so they are on disk while a query reads them, without a name: nothing
is left of them after a kill. Lines that are not ours, or that come twice, are left out.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import orjson

from ..errors import FileError, GatewayError, InvalidResponseError
from ..foreign_text import as_id, logger_of, safe
from ..gateway.client import Gateway
from ..records import Evidence, Response
from ..storage.private_files import make_private
from .lines import key_of

logger = logger_of(__name__)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_MOST_SAID = 200
#: Codes of lines that were not asked before their batch ended.
_NOT_ASKED = frozenset({"batch_expired", "batch_cancelled"})


class Results:
    """The answers of the batches of one query, by the keys of their items.

    Args:
        folder: Where the files are while they are read.
        gateway: Reads replies.
        provider: The provider's name, where it is known.
    """

    def __init__(self, folder: Path, gateway: Gateway, provider: str | None) -> None:
        self._folder = folder
        self._gateway = gateway
        self._provider = provider
        self._files: list[BinaryIO] = []
        # File, offset and batch of the line of each item.
        self._places: dict[bytes, tuple[int, int, str]] = {}
        # Batches that have lines, whosever they are.
        self._batches: set[str] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def has_lines_of(self, batch: str) -> bool:
        """Return whether a line was found in the files of a batch."""
        return batch in self._batches

    @contextmanager
    def writing(
        self, batch: str, keys: Collection[bytes], *, may_break_off: bool = False
    ) -> Iterator[BinaryIO]:
        """Give an empty file for the lines of a batch; after the block its lines are known.

        Args:
            batch: The provider's id of the batch.
            keys: The keys of its items.
            may_break_off: Whether a file whose last line breaks off is taken as it is.

        Raises:
            FileError: The file cannot be written.
            InvalidResponseError: It breaks off in its last line.
        """
        try:
            make_private(self._folder.parent, self._folder)
            file: BinaryIO = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed with the results
            self._files.append(file)
            yield file
            if not may_break_off:
                self._check_end(file)
            self._index(file, batch, keys)
        except OSError as error:
            raise FileError.of(error) from error

    @staticmethod
    def _check_end(file: BinaryIO) -> None:
        """Refuse a file that breaks off: what it lacks would be sent, and paid, again."""
        file.seek(0)
        last = b""
        for line in file:
            last = line
        if last.strip() and not last.endswith(b"\n") and not _parsed(last):
            raise InvalidResponseError("the file breaks off in its last line")

    def _index(self, file: BinaryIO, batch: str, keys: Collection[bytes]) -> None:
        file.seek(0)
        number, offset, foreign = len(self._files) - 1, 0, 0
        for line in file:
            if parsed := _parsed(line):
                self._batches.add(batch)
            key = key_of(parsed.get("custom_id"))
            if key is not None and key in keys and key not in self._places:
                if not _was_not_asked(parsed):
                    self._places[key] = (number, offset, batch)
            elif line.strip():
                foreign += 1
            offset += len(line)
        if foreign:
            logger.warning("batch %s: %d lines are foreign, or come twice; left out", batch, foreign)

    def of(self, key: bytes, request_body: bytes) -> Response | GatewayError | None:
        """Return what came of an item's line: a response, a failure, or None if it has no usable line."""
        if key not in self._places:
            return None
        number, offset, batch = self._places[key]
        file = self._files[number]
        file.seek(offset)
        line = _parsed(file.readline())
        response, error = line.get("response"), line.get("error")
        if isinstance(response, dict) and type(response.get("status_code")) is int:
            return self._read(response, request_body, batch)
        if isinstance(error, dict):
            return _failure(error, batch)
        return None

    def _read(self, response: dict[str, Any], request_body: bytes, batch: str) -> Response | GatewayError:
        status, body = response["status_code"], response.get("body")
        evidence = Evidence(
            status=status,
            provider=self._provider,
            attempts=1,
            request_id=as_id(response.get("request_id")),
            batch={"id": batch},
        )
        try:
            return self._gateway.read(_dumped(body), _NO_HEADERS, request_body, evidence)
        except GatewayError as error:
            return error

    def close(self) -> None:
        """Delete the files."""
        files, self._files = self._files, []
        self._places.clear()
        for file in files:
            file.close()


def has_lines(file: BinaryIO) -> bool:
    """Return whether a file has a line of a batch."""
    file.seek(0)
    return any(_parsed(line) for line in file)


def _was_not_asked(line: dict[str, Any]) -> bool:
    error = line.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return line.get("response") is None and isinstance(code, str) and code in _NOT_ASKED


def _failure(error: dict[str, Any], batch: str) -> GatewayError:
    """Return the failure of a line without a response."""
    message = error.get("message")
    said = safe(message[: 4 * _MOST_SAID])[:_MOST_SAID] if isinstance(message, str) else "it does not say why"
    return GatewayError(f"the line of batch {batch} failed: {said}", evidence=Evidence(batch={"id": batch}))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _dumped(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else orjson.dumps(body)
