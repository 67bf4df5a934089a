"""Turn a cell into an image in a message."""

from __future__ import annotations

import base64
from typing import Any

from ..errors import InputError
from ..prompts.cell_text import is_null

#: The first bytes of image files; WebP is not here, because it has its length between two fixed parts.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def image_part(cell: Any) -> dict[str, Any] | None:
    """Return the part of a message that holds an image; None if the cell is NULL or blank.

    Args:
        cell: An address (http, https), a data URL, or the bytes of a PNG, JPEG, GIF or WebP file.

    Raises:
        InputError: The cell is none of these.
    """
    if is_null(cell) or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, (bytes, bytearray, memoryview)):
        content = bytes(cell)
        address = f"data:{_kind(content)};base64,{base64.b64encode(content).decode()}"
    elif isinstance(cell, str) and cell.strip().lower().startswith(("http://", "https://", "data:image/")):
        address = cell.strip()
    else:
        raise InputError("expected an image: its address, a data URL, or its bytes")
    return {"type": "image_url", "image_url": {"url": address}}


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for beginning, kind in _BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    raise InputError("the bytes are not a PNG, JPEG, GIF or WebP image")
