"""Trace, spans and metadata, by which the gateway's logs find a query and its rows.

They are headers of requests and do not decide the answer. So they are not part of an item's key, unless a
config may route by metadata. If equal rows are sent once, or several rows in one request, the headers are
those of the first row.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..prompts.json_template import JsonTemplate
from ..records import Item, Skipped
from .rows import made_of_rows

if TYPE_CHECKING:
    import pandas as pd

#: The metadata `_source` of every request.
SOURCE = "portkey_handler"


class Tracing:
    """The trace of one query, and the spans and metadata of its rows.

    Args:
        name: The model's name, for the gateway's logs.
        trace_id: The trace, or None to make one.
        metadata: Further metadata for the gateway's logs; texts in it are templates.
        may_route: Whether the gateway may choose a target by metadata, which makes it part of an item's key.

    Attributes:
        options: The gateway options that all requests of the query share.
        trace_id: The trace, as given or made.
        decides: Whether the metadata is part of an item's key.

    Raises:
        TemplateError: A template in the metadata is wrong.
    """

    def __init__(
        self,
        name: str,
        trace_id: str | None = None,
        metadata: Mapping[str, Any] = MappingProxyType({}),
        *,
        may_route: bool = False,
    ) -> None:
        self.trace_id = trace_id or uuid.uuid4().hex
        self._template = JsonTemplate({"_source": SOURCE, "_model": name, **metadata}, "metadata")
        self.decides = bool(metadata) and may_route
        #: Spans have 16 hexadecimal digits, as in OpenTelemetry: half random, half the number of the row.
        self._span = secrets.token_hex(4)
        self.options: dict[str, Any] = {"trace_id": self.trace_id}
        self._shared = None if self._template.columns else self._template.render({})
        if self._shared is not None:
            self.options["metadata"] = self._shared

    def trace(
        self, items: Iterator[Item | Skipped], frame: pd.DataFrame, rows: Sequence[int] | None = None
    ) -> Iterator[Item | Skipped]:
        """Yield the items of a frame, each with the headers of its row.

        Args:
            items: The items.
            frame: The rows.
            rows: Their numbers in the query; by default they begin with 0.

        Raises:
            InputError: The frame lacks a column; raised before the first item.
        """
        headers = self._headers(frame, range(len(frame)) if rows is None else rows)
        decides = self.decides
        return (_with(item, own, decides) for item, own in zip(items, headers, strict=True))

    def _headers(self, frame: pd.DataFrame, numbers: Sequence[int]) -> Iterator[dict[str, str] | Skipped]:
        """Yield the headers of each row.

        Raises:
            InputError: The frame lacks a column; raised before the first row.
        """
        columns = self._template.columns
        if self._shared is not None and self.decides:
            shared = {"x-portkey-metadata": json.dumps(self._shared)}
            return ({"x-portkey-span-id": self._span_of(row), **shared} for row in numbers)
        if not columns:
            return ({"x-portkey-span-id": self._span_of(row)} for row in numbers)
        self._template.check([str(name) for name in frame.columns])
        rows = made_of_rows(frame, columns, (), self._template.render)
        return (
            Skipped(f"metadata: {made.reason}", failed=True)
            if isinstance(made, Skipped)
            else {
                "x-portkey-span-id": self._span_of(row),
                # As ASCII, because headers carry nothing else.
                "x-portkey-metadata": json.dumps(made),
            }
            for row, made in zip(numbers, rows, strict=True)
        )

    def _span_of(self, row: int) -> str:
        return f"{self._span}{row:08x}"


def _with(item: Item | Skipped, headers: dict[str, str] | Skipped, decide: bool) -> Item | Skipped:
    if isinstance(item, Skipped):
        return item
    if isinstance(headers, Skipped):
        return headers
    key = item.key
    if decide:
        metadata = headers.get("x-portkey-metadata", "")
        key = hashlib.blake2b(key + metadata.encode(), digest_size=len(key)).digest()
    return Item(key, item.payload, headers, item.own, item.beginning)
