"""Embedding: turn a row's text into a vector, many rows in one request."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import GatewayError, InvalidResponseError, StatusError
from ..options import Plan
from ..records import Evidence, Item, Outcome, Request, Response, Skipped
from .request_body import rest_of_body
from .responses import evidence_of_reply, malformed
from .text_items import Texts

if TYPE_CHECKING:
    import pandas as pd

#: Statuses that one input among many can cause: it is too long, empty, or denied by a guardrail.
_OF_ONE_INPUT = frozenset({400, 413, 422, 446})
_TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")


class Embedding:
    """The operation behind `mode = 'embedding'`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: The template is wrong.
    """

    path = "/embeddings"

    def __init__(self, plan: Plan) -> None:
        self.batch_size = plan.execution.inputs_per_request
        self._texts = Texts(plan)
        self._rest = rest_of_body(plan.parameters.value)

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the text to embed.

        Raises:
            InputError: The frame lacks a column.
        """
        return self._texts.items(frame)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome | GatewayError]]:
        """Send all texts in one request; if it is rejected, send each half, until the bad texts are alone."""
        answers: list[Outcome | GatewayError] = []
        left = [(items, 0)]  # parts to send, in reverse order, each with the attempts of its rows so far
        while left:
            part, before = left.pop()
            inputs = b",".join(item.payload for item in part)
            try:
                reply = yield Request(self.path, b"".join((b'{"input":[', inputs, b"]", self._rest)))
                answers += _read(reply, len(part), before + reply.attempts)
            except GatewayError as error:
                before += error.attempts
                if len(part) > 1 and isinstance(error, StatusError) and error.status in _OF_ONE_INPUT:
                    middle = len(part) // 2
                    left += [(part[middle:], before), (part[:middle], before)]
                    continue
                # Answers of other rows in this batch are paid, so they are returned.
                failed = len(items) - len(answers) if error.concerns_every_row else len(part)
                answers += [_after(error, before)] * failed
                if error.concerns_every_row:
                    break
        return answers


def _after(error: GatewayError, attempts: int) -> GatewayError:
    evidence = error.evidence or Evidence()
    if evidence.attempts:  # known from a response that could not be read
        return error
    return error.replace(evidence=evidence._replace(attempts=attempts))


def _read(reply: Response, number: int, attempts: int) -> list[Outcome]:
    """Return one outcome per input.

    Raises:
        InvalidResponseError: The response does not have one vector per input.
    """
    evidence = evidence_of_reply(reply)._replace(attempts=attempts)
    # The response counts the tokens of all inputs together.
    shared = _per_row(evidence, number)
    vectors: list[Any] = [None] * number
    try:
        for place, entry in enumerate(reply.body["data"]):
            vectors[entry.get("index", place)] = _vector(entry["embedding"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise malformed(reply, "a list of embeddings", evidence) from None
    if any(vector is None for vector in vectors):
        missing = sum(1 for vector in vectors if vector is None)
        raise InvalidResponseError(
            f"the reply has {number - missing:,} embeddings for {number:,} inputs",
            status=reply.status,
            trace_id=evidence.trace_id,
            evidence=evidence,
        )
    return [Outcome(vector, evidence=each) for vector, each in zip(vectors, shared, strict=True)]


def _per_row(evidence: Evidence, number: int) -> list[Evidence]:
    """Return the evidence of each row, with a share of the request's tokens; their sum stays exact."""
    if number == 1:
        return [evidence]
    counted = {name: count for name in _TOKENS if isinstance(count := getattr(evidence, name), int)}
    shares = {name: divmod(count, number) for name, count in counted.items()}
    per_row = []
    for place in range(number):
        own: dict[str, Any] = {name: share + (place < rest) for name, (share, rest) in shares.items()}
        per_row.append(evidence._replace(**own))
    return per_row


def _vector(written: Any) -> list[float]:
    """Return a vector from a list of numbers, or from 32-bit numbers in base64 (option encoding_format)."""
    if isinstance(written, list):
        kinds = {*map(type, written)}
        if not kinds <= {float, int}:
            raise ValueError
        # The gateway writes 1.0 as 1, because it is written in JavaScript.
        return [*map(float, written)] if int in kinds else written
    vector = array("f", base64.b64decode(written, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tolist()
