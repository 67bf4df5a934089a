"""Embedding: a row's text as a vector; many rows in one request."""

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

#: Statuses that can be the fault of one input among many: too long, empty, denied by a guardrail.
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
        """Send all texts in one request; where it is rejected, halves of them, until bad ones are alone."""
        answers: list[Outcome | GatewayError] = []
        left = [(items, 0)]  # what is to be sent, in order, and how often its rows have been sent before
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
                # What others of these rows were answered has been paid, and so it is not thrown away.
                failed = len(items) - len(answers) if error.concerns_every_row else len(part)
                answers += [_after(error, before)] * failed
                if error.concerns_every_row:
                    break
        return answers


def _after(error: GatewayError, attempts: int) -> GatewayError:
    evidence = error.evidence or Evidence()
    if evidence.attempts:  # of a response that cannot be read they are known
        return error
    return error.replace(evidence=evidence._replace(attempts=attempts))


def _read(reply: Response, number: int, attempts: int) -> list[Outcome]:
    """Read one vector per input.

    Raises:
        InvalidResponseError: They are not as many as there were inputs, or no vectors.
    """
    evidence = evidence_of_reply(reply)._replace(attempts=attempts)
    # The response has the tokens of all inputs together.
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
    """Divide the tokens of a request among its rows, so that their sum is what is paid."""
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
    """Read a list of numbers, or 32-bit numbers in base64 as encoding_format = 'base64' asks for them."""
    if isinstance(written, list):
        kinds = {*map(type, written)}
        if not kinds <= {float, int}:
            raise ValueError
        # The gateway, which is JavaScript, writes 1.0 as 1.
        return [*map(float, written)] if int in kinds else written
    vector = array("f", base64.b64decode(written, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tolist()
