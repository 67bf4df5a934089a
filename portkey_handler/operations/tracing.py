"""By what the gateway's logs find a query and each of its rows: trace, spans, metadata.

Labels go along with requests and have no part in the answer, so neither the journal nor the search for equal
rows knows them, unless a config may route by metadata. Where equal rows are asked once, the first one's go
along.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import GatewayError
from ..options import EngineConfig, Plan
from ..prompts.json_template import JsonTemplate
from ..records import Answer, Evidence, Item, Request, Response, Skipped
from . import Operation
from .rows import made_of_rows

if TYPE_CHECKING:
    import pandas as pd

#: What the gateway's logs show as the origin of a request.
SOURCE = "portkey_handler"


class Tracing:
    """The labels of one query.

    Args:
        plan: The resolved options.
        credentials: The engine's options.

    Attributes:
        options: The gateway options that all requests of the query share.
        trace_id: The trace, as given or made.
        decide: The gateway may choose by the metadata who answers, so that it belongs to what is asked.

    Raises:
        TemplateError: A template in the metadata is wrong.
    """

    def __init__(self, plan: Plan, credentials: EngineConfig) -> None:
        given = {**credentials.options, **json.loads(plan.routing)}
        self.trace_id: str = given.get("trace_id") or uuid.uuid4().hex
        own = given.get("metadata") or {}
        self._template = JsonTemplate({"_source": SOURCE, "_model": plan.name, **own}, "metadata")
        self.decide = bool(own) and _may_route(given.get("config"))
        #: Of 16 hexadecimal digits, as OpenTelemetry's: half by chance, half the row's number.
        self._span = secrets.token_hex(4)
        self.options: dict[str, Any] = {"trace_id": self.trace_id}
        self._shared = None if self._template.columns else self._template.render({})
        if self._shared is not None:
            self.options["metadata"] = self._shared

    def of_rows(self, frame: pd.DataFrame) -> Iterator[dict[str, str] | Skipped]:
        """Give the headers of each row.

        Raises:
            InputError: The frame lacks a column; raised before the first row.
        """
        columns = self._template.columns
        if self._shared is not None and self.decide:
            shared = {"x-portkey-metadata": json.dumps(self._shared)}
            return ({"x-portkey-span-id": self._span_of(row), **shared} for row in range(len(frame)))
        if not columns:
            return ({"x-portkey-span-id": self._span_of(row)} for row in range(len(frame)))
        self._template.check([str(name) for name in frame.columns])
        rows = made_of_rows(frame, columns, (), self._template.render)
        return (
            Skipped(f"metadata: {made.reason}", failed=True)
            if isinstance(made, Skipped)
            else {
                "x-portkey-span-id": self._span_of(row),
                # As ASCII, which is what a header can carry.
                "x-portkey-metadata": json.dumps(made),
            }
            for row, made in enumerate(rows)
        )

    def _span_of(self, row: int) -> str:
        return f"{self._span}{row:08x}"


@dataclass(frozen=True, slots=True)
class _Labelled:
    headers: dict[str, str]
    payload: Any


class LabelledOperation:
    """An operation whose requests carry their rows' labels, and whose evidence names them.

    Args:
        operation: The operation itself.
        labels: The labels of the query.
    """

    def __init__(self, operation: Operation, labels: Tracing) -> None:
        self._operation = operation
        self._labels = labels
        self.together = operation.together

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Give the operation's items, each with its row's labels."""
        items, labels = self._operation.items(frame), self._labels.of_rows(frame)
        decide = self._labels.decide
        return (_with(item, headers, decide) for item, headers in zip(items, labels, strict=True))

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, Sequence[Answer | GatewayError]]:
        """Ask as the operation does; rows that are asked together go under the first one's labels."""
        headers: dict[str, str] = items[0].payload.headers
        steps = self._operation.ask([Item(item.key, item.payload.payload) for item in items])
        answers: Sequence[Answer | GatewayError]
        try:
            request = next(steps)
            while True:
                try:
                    reply = yield Request(request.path, request.body, headers)
                except GatewayError as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(reply)
        except StopIteration as stop:
            answers = stop.value
        except GatewayError as error:
            self._note(error, headers)
            raise
        for answer in answers:
            self._note(answer, headers)
        return answers

    def _note(self, ended: Answer | GatewayError, headers: Mapping[str, str]) -> None:
        evidence = ended.evidence
        if not isinstance(ended, Answer) and not isinstance(evidence, Evidence):
            evidence = ended.details["evidence"] = Evidence()
        evidence.trace_id = self._labels.trace_id
        evidence.span_id = headers["x-portkey-span-id"]


def _with(item: Item | Skipped, headers: dict[str, str] | Skipped, decide: bool) -> Item | Skipped:
    if isinstance(item, Skipped):
        return item
    if isinstance(headers, Skipped):
        return headers
    key = item.key
    if decide:
        metadata = headers.get("x-portkey-metadata", "")
        key = hashlib.blake2b(key + metadata.encode(), digest_size=len(key)).digest()
    return Item(key, _Labelled(headers, item.payload))


def _may_route(config: Any) -> bool:
    """Tell whether a config may choose its target by metadata; what a slug holds nobody here knows."""
    if isinstance(config, Mapping):
        strategy = config.get("strategy")
        return (isinstance(strategy, Mapping) and strategy.get("mode") == "conditional") or any(
            _may_route(target) for target in config.get("targets") or ()
        )
    return isinstance(config, str)
