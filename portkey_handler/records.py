"""What the rooms say to each other: item, request, response, outcome.

A row becomes an item, an item becomes one or more requests, each gets a response, and what is known at the
end of a row is its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from numbers import Number
from typing import Any, NamedTuple

#: An attribute of a frame in which a host names the columns that other models of the query added.
ADDED_BY_MODELS = "portkey_handler_added"

#: Finish reasons, in the words of the several endpoints and providers, which the gateway passes on.
_CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens"})


@lru_cache(256)
def is_cut_off(finish_reason: str | None) -> bool:
    """Return whether an answer ended because its tokens ran out."""
    return finish_reason is not None and finish_reason.lower() in _CUT_OFF


@dataclass(frozen=True, slots=True)
class Item:
    """What decides an answer.

    Attributes:
        key: A digest of everything that decides the answer: equal keys are asked once.
        payload: What the operation makes its requests from.
        headers: Headers of the item's requests, or None. They have no part in the answer.
    """

    key: bytes
    payload: Any
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is not sent.

    Attributes:
        reason: Why, in words for the person who reads the row.
        failed: False for a row that has nothing to ask (NULL, blank); True for one that cannot be asked.
    """

    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        path: Where to, below the gateway's base URL.
        body: The JSON body.
        headers: What goes along with it beside the headers of every request of the query, or None.
    """

    path: str
    body: bytes
    headers: Mapping[str, str] | None = None


class Evidence(NamedTuple):
    """What is known of how a row got its answer.

    A named tuple, because each row makes several: a frozen dataclass takes four times as long to make.

    Attributes:
        status: HTTP status of the last reply.
        finish_reason: Why the model stopped, as the provider says it.
        model: The model that answered, as the provider says it.
        provider: The provider behind the gateway, where the gateway tells.
        target: Which of the gateway's targets was used, where the gateway tells.
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer.
        total_tokens: Both.
        cached_tokens: Tokens of the request that the provider had in its cache.
        attempts: Requests that were sent for the row.
        gateway_attempts: Attempts that the gateway made besides, where it tells.
        latency_ms: Milliseconds from the first request to the last reply, waiting included.
        cache_status: What the gateway's cache did.
        request_id: The provider's id of the answer.
        trace_id: The trace under which the gateway logs the query.
        span_id: The span in it under which the gateway logs the row.
        system_fingerprint: The provider's mark of what ran the model.
        logprobs: Log probabilities of the answer's tokens, where they were asked for.
        guardrails: What the gateway's guardrails found, where there are any.
        cost: US dollars, where the model's price is known.
        kept_from: When the answer was made, in seconds since 1970, where it was kept from an earlier query.
        raw: The beginning of what the model wrote, where it did not fit what was asked for.
    """

    status: int | None = None
    finish_reason: str | None = None
    model: str | None = None
    provider: str | None = None
    target: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    attempts: int = 0
    gateway_attempts: int | None = None
    latency_ms: int | None = None
    cache_status: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    system_fingerprint: str | None = None
    logprobs: Any = None
    guardrails: list[dict[str, Any]] | None = None
    cost: float | None = None
    kept_from: float | None = None
    raw: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is known, without what is not; `kept_from` as ISO 8601."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        if self.kept_from is not None:
            moment = datetime.fromtimestamp(self.kept_from, timezone.utc)
            known["kept_from"] = moment.isoformat(timespec="seconds")
        return known


#: The names of what evidence holds, in order.
EVIDENCE_FIELDS = Evidence._fields


@dataclass(frozen=True, slots=True)
class Response:
    """A success of the gateway.

    Attributes:
        status: HTTP status, 200 to 299.
        body: The parsed JSON body.
        evidence: What is known of it without its body.
        attempts: How often the request was sent until there was one.
    """

    status: int
    body: Any
    evidence: Evidence = Evidence()  # noqa: RUF009 - it cannot change
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known at the end of a row.

    Attributes:
        value: The answer, or None.
        reason: Why there is no answer, or None.
        evidence: How the answer came about, or None where nothing was sent.
        failed: The row should have an answer and has none. A row with nothing to ask has a reason, and has
            not failed.
    """

    value: Any = None
    reason: str | None = None
    evidence: Evidence | None = None
    failed: bool = False

    @classmethod
    def failure(cls, reason: str, evidence: Evidence | None = None) -> Outcome:
        """Return the outcome of a row that should have an answer and has none."""
        return cls(None, reason, evidence, failed=True)


_LONGEST_VALUE = 64


@dataclass(frozen=True, slots=True)
class RowNames:
    """What the rows of a query are called.

    Attributes:
        first: The number of the first one, from which they are counted.
        column: The name of a column that tells them apart; empty where none is known.
        values: What they have in it.
    """

    first: int = 0
    column: str = ""
    values: Sequence[Any] = ()

    def of(self, row: int) -> int | str:
        """Return the name of a row: `id = 1057` where a column tells rows apart, else the number.

        A longer text, or one with blanks, is rather what is asked than what tells rows apart: it is not said.
        """
        if self.column:
            value = self.values[row]
            said = value.isoformat() if hasattr(value, "isoformat") else str(value)
            if len(said) <= _LONGEST_VALUE and not any(map(str.isspace, said)):
                quoted = "'{}'".format(said.replace("'", "''"))
                return f"{self.column} = {said if isinstance(value, Number) else quoted}"
        return self.first + row
