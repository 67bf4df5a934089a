"""The content of compressed files."""

from __future__ import annotations

import pyarrow as pa


def unpacked(content: bytes, compression: str) -> bytes:
    """Return the content of a compressed file."""
    if not compression:
        return content
    return bytes(pa.input_stream(pa.BufferReader(content), compression=compression).read())


def packed(content: bytes, compression: str) -> bytes:
    """Return content as a compressed file has it. Such contents one after the other are one, too."""
    if not compression:
        return content
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, compression) as file:
        file.write(content)
    return bytes(sink.getvalue().to_pybytes())
