"""Conversations from a column: a JSON list of messages per row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ..errors import InputError
from ..prompts.cell_text import is_null
from ..prompts.json_template import plain_json
from ..records import Skipped


def conversation(cells: Iterator[Any], column: str) -> Iterator[list[dict[str, Any]] | Skipped]:
    """Yield the messages of each cell, or the reason why there are none."""
    for cell in cells:
        if is_null(cell) or (isinstance(cell, str) and not cell.strip()):
            yield Skipped(f"nothing to ask: {column} is {'NULL' if is_null(cell) else 'blank'}")
            continue
        try:
            yield _messages(cell)
        except InputError as error:
            yield Skipped(f"{column}: {error}", failed=True)


def _messages(cell: Any) -> list[dict[str, Any]]:
    if isinstance(cell, str):
        try:
            found = orjson.loads(cell)
        except orjson.JSONDecodeError as error:
            raise InputError(
                f"not JSON ({error.msg.split(':')[0].lower()}, at character {error.pos + 1})"
            ) from None
    else:
        found = plain_json(cell)
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not found:
        raise InputError('expected a JSON list of messages such as [{"role": "user", "content": "…"}]')
    for number, message in enumerate(found, 1):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InputError(f'message {number} has no role; expected {{"role": "user", "content": "…"}}')
    return found
