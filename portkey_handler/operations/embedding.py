"""Embedding: turn a row's text into a vector, many rows in one request."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import GatewayError, InvalidResponseError, ServerError, StatusError
from ..options import Plan
from ..records import Evidence, Item, Outcome, Request, Response, Skipped
from .request_body import rest_of_body
from .responses import evidence_of_reply, malformed
from .row_model import model_template
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
        # A request has one model.
        self.batch_size = 1 if model_template(plan.parameters.value) else plan.execution.inputs_per_request
        self._texts = Texts(plan)
        self._rest = rest_of_body(plan.parameters.value)

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the text to embed.

        Raises:
            InputError: The frame lacks a column.
        """
        return self._texts.items(frame)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome | GatewayError]]:
        """Send all texts in one request; if it is rejected, send each half, until the bad texts are alone.

        A single bad text makes as many requests fail one after the other as halves lead to it. Where more
        fail, the texts are not the reason, and the rest fails with them.
        """
        answers: list[Outcome | GatewayError] = []
        left = [(items, 0)]  # parts to send, in reverse order, each with the attempts of its rows so far
        failures, patience = 0, len(items).bit_length() + 1
        while left:
            part, before = left.pop()
            inputs = b",".join(item.payload for item in part)
            try:
                body = (b'{"input":[', inputs, b"]", part[0].own, self._rest)
                reply = yield Request(self.path, b"".join(body), is_divisible=len(part) > 1)
                answers += _read(reply, len(part), before + reply.attempts)
                failures = 0
            except GatewayError as error:
                before += error.attempts
                failures += not self._is_of_one_input(error, surely=True)
                if len(part) > 1 and failures <= patience and self._is_of_one_input(error):
                    middle = len(part) // 2
                    left += [(part[middle:], before), (part[:middle], before)]
                    continue
                # Answers of other rows in this batch are paid, so they are returned.
                is_hopeless = error.concerns_every_row or failures > patience
                failed = len(items) - len(answers) if is_hopeless else len(part)
                answers += [_after(error, before)] * failed
                if is_hopeless:
                    break
        return answers

    def _is_of_one_input(self, error: GatewayError, *, surely: bool = False) -> bool:
        """Return whether one text among many may be the reason of a failure."""
        if isinstance(error, StatusError) and error.status in _OF_ONE_INPUT:
            return True
        # Some servers fail at one text, others mix up the vectors.
        fails = isinstance(error, ServerError) and error.status == 500
        return not surely and (fails or isinstance(error, InvalidResponseError))


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
    entries: dict[int, Any] = {}
    try:
        for place, entry in enumerate(reply.body["data"]):
            index = entry.get("index", place)
            if type(index) is not int or not 0 <= index < number:
                raise ValueError
            entries[index] = entry.get("embedding")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise malformed(reply, "a list of embeddings", evidence) from None
    if len(entries) < number or len(reply.body["data"]) > number:
        raise InvalidResponseError(
            f"the reply has {len(entries):,} embeddings for {number:,} input{'s' if number > 1 else ''}",
            status=reply.status,
            trace_id=evidence.trace_id,
            evidence=evidence,
        )
    return _outcomes([_vector(entries[index]) for index in range(number)], shared)


def _outcomes(vectors: Sequence[list[float] | str], shared: Sequence[Evidence]) -> list[Outcome]:
    """Return the outcomes of vectors, or of the reasons why there are none; a text of one fails alone."""
    usual = Counter(len(vector) for vector in vectors if isinstance(vector, list)).most_common(1)
    outcomes = []
    for vector, evidence in zip(vectors, shared, strict=True):
        if isinstance(vector, str):
            outcomes.append(Outcome.failure(f"the provider gave no vector: {vector}", evidence))
        elif len(vector) != usual[0][0]:
            said = f"the provider gave a vector of {len(vector):,} numbers, and others of {usual[0][0]:,}"
            outcomes.append(Outcome.failure(said, evidence))
        else:
            outcomes.append(Outcome(vector, evidence=evidence))
    return outcomes


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


def _vector(written: Any) -> list[float] | str:
    """Return a vector from a list of numbers, or from 32-bit numbers in base64 (option encoding_format).

    Where it is none, the reason is returned.
    """
    if isinstance(written, list):
        kinds = {*map(type, written)}
        if not kinds <= {float, int}:
            return "it holds what is no number"
        # The gateway writes 1.0 as 1, because it is written in JavaScript.
        vector = [*map(float, written)] if int in kinds else written
    elif isinstance(written, str):
        try:
            packed = array("f", base64.b64decode(written, validate=True))
        except ValueError:
            return "it is no base64 of numbers"
        if sys.byteorder == "big":
            packed.byteswap()
        vector = packed.tolist()
    else:
        return f"it is {'null' if written is None else 'no list'}"
    if not any(vector):
        return "all of its numbers are zero" if vector else "it is empty"
    return vector if all(map(math.isfinite, vector)) else "it holds NaN or infinity"
