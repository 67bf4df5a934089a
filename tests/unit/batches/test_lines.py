"""Items as lines: what a provider reads, in files of the size that it takes."""

from __future__ import annotations

import json

import pytest

from portkey_handler.batches import lines
from portkey_handler.batches.lines import LinesFile, custom_id, key_of, line_of
from portkey_handler.records import Request

REQUEST = Request("/chat/completions", b'{"messages":[{"role":"user","content":"h\xc3\xb6rt"}]}')


def test_a_line_is_a_request_with_the_digest_of_its_item() -> None:
    """The line has the documented fields, and the body byte for byte."""
    line = line_of(b"\x01" * 16, REQUEST)
    assert line.endswith(b"\n")
    assert REQUEST.body in line
    assert json.loads(line) == {
        "custom_id": "01" * 16,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"messages": [{"role": "user", "content": "hört"}]},
    }


@pytest.mark.parametrize("foreign", ["request-1", None, 7, "0"])
def test_a_foreign_id_has_no_key(foreign: object) -> None:
    """An id that is not ours belongs to no item."""
    assert key_of(foreign) is None
    assert key_of(custom_id(b"key of an item")) == b"key of an item"


def test_a_file_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines fit up to the provider's number and bytes; a single line always does."""
    monkeypatch.setattr(lines, "MOST_LINES", 3)
    monkeypatch.setattr(lines, "_BYTES", 25)
    file = LinesFile("/embeddings")
    assert file.fits(b"x" * 1000)
    for number in range(2):
        file.add(bytes([number]), b"ten bytes\n")
    assert file.fits(b"five\n")
    assert not file.fits(b"seven..\n")
    file.add(b"\x02", b"five\n")
    assert not file.fits(b"")
    assert (file.size, file.content) == (25, b"ten bytes\nten bytes\nfive\n")


def test_equal_lines_have_an_equal_digest() -> None:
    """A file that is made again of the same rows is recognised; the order belongs to it."""

    def made(*parts: bytes) -> bytes:
        file = LinesFile("/chat/completions")
        for part in parts:
            file.add(part, part)
        return file.digest

    assert made(b"a", b"b") == made(b"a", b"b")
    assert made(b"a", b"b") != made(b"b", b"a")
