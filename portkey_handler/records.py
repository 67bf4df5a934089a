"""The records that the rooms exchange: item, request, response, outcome.

A row becomes an item, an item becomes one or more requests, each request gets a response, and the result of a
row is its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import lru_cache
from numbers import Number
from typing import Any, NamedTuple

from .foreign_text import safe

#: An attribute of a frame: the columns that other models of the query have added.
ADDED_BY_MODELS = "portkey_handler_added"
#: An attribute of a frame of which rows were left out: the numbers that its rows had before.
ROW_NUMBERS = "portkey_handler_rows"
#: An attribute of a frame: in words, how its rows are chosen among those of the statement.
PLANNED = "portkey_handler_planned"
#: An attribute of a frame of answers: nothing was asked, so they are not known.
NOT_ASKED = "portkey_handler_not_asked"
#: An attribute of a frame of answers without rows: the model answers in batches.
IN_BATCHES = "portkey_handler_in_batches"
#: An attribute of a frame of answers: the number of distinct rows that are still in a batch.
STILL_OUT = "portkey_handler_still_out"


class Ending(Enum):
    """What a finish reason means."""

    DONE = "the answer is complete, as far as its finish reason tells"
    CUT_OFF = "its tokens, or those of the model's context, ran out"
    FILTERED = "a filter of the provider stopped or changed it"
    REFUSED = "the model refused"
    FAILED = "the model failed to write it"
    BROKEN_OFF = "the provider failed while it was written, which may pass"


#: Finish reasons, in the words of the providers, which the gateway forwards; those of Gemini's compatible API
#: stand behind a colon ("content_filter: RECITATION").
_ENDINGS = {
    Ending.CUT_OFF: """
        length max_tokens max_output_tokens max_length token_limit model_length context_length
        context_length_exceeded context_window_exceeded model_context_window_exceeded error_limit
    """,
    Ending.FILTERED: """
        content_filter content_filtered safety recitation prohibited_content blocklist spii language sensitive
        image_safety image_recitation image_prohibited_content guardrail_intervened guardrails moderation
        error_toxic
    """,
    Ending.REFUSED: "refusal",
    Ending.FAILED: """
        malformed_function_call malformed_tool_use malformed_model_output malformed_response
        function_call_filter unexpected_tool_call too_many_tool_calls missing_thought_signature
        no_image image_other other
    """,
    Ending.BROKEN_OFF: """
        error network_error insufficient_system_resource internal_error server_error unavailable timeout abort
        aborted cancelled canceled failed
    """,
}
_MEANINGS = {word: ending for ending, words in _ENDINGS.items() for word in words.split()}


@lru_cache(256)
def ending_of(finish_reason: str | None) -> Ending:
    """Return what a finish reason means; one that is not known counts as a complete answer."""
    parts = [part.strip().removeprefix("finish_reason_") for part in (finish_reason or "").lower().split(":")]
    known = [_MEANINGS[part] for part in parts if part in _MEANINGS]
    return known[-1] if known else Ending.DONE


def is_cut_off(finish_reason: str | None) -> bool:
    """Return whether an answer ended because its tokens, or those of the context, ran out."""
    return ending_of(finish_reason) is Ending.CUT_OFF


@dataclass(frozen=True, slots=True)
class Item:
    """The input of one answer.

    Attributes:
        key: A digest of everything that decides the answer: equal keys are asked once.
        payload: What the operation makes its requests from.
        headers: Headers of the item's requests, or None. They have no part in the answer.
        own: Parameters of the body that this item has and others do not: `,"model":"m"`.
        beginning: A digest of how its request begins, where the provider is to cache that; or None.
    """

    key: bytes
    payload: Any
    headers: Mapping[str, str] | None = None
    own: bytes = b""
    beginning: bytes | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is not sent.

    Attributes:
        reason: Why, in words for the user.
        failed: False for a row without a prompt (NULL, blank); True for a row that cannot be sent.
    """

    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        path: The path below the gateway's base URL.
        body: The JSON body.
        headers: Headers in addition to those of all requests of the query, or None.
        is_divisible: Whether its parts are sent alone where the server fails at the whole (status 500).
        known: What came of it in a batch, or None: an answer, or a failure, is not sent again, unless the
            failure may pass.
    """

    path: str
    body: bytes
    headers: Mapping[str, str] | None = None
    is_divisible: bool = False
    known: Response | Exception | None = None


class Evidence(NamedTuple):
    """How a row got its answer.

    A named tuple, because each row makes several: a frozen dataclass takes four times as long to make.

    Attributes:
        status: HTTP status of the last response.
        finish_reason: Why the model stopped, in the provider's words.
        model: The model that answered, by the provider's name.
        provider: The provider behind the gateway, where the gateway tells it.
        target: The gateway's target that was used, where the gateway tells it.
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer.
        total_tokens: The sum of both.
        cached_tokens: Tokens of the request that were in the provider's cache.
        attempts: Requests that were sent for the row.
        gateway_attempts: Further attempts by the gateway, where it tells them.
        latency_ms: Milliseconds from the first request to the last response, waiting included.
        cache_status: The result of the gateway's cache.
        request_id: The provider's id of the answer.
        trace_id: The trace under which the gateway logs the query.
        span_id: The span in it under which the gateway logs the row.
        system_fingerprint: The provider's mark of the system that ran the model.
        logprobs: Log probabilities of the answer's tokens, where they were asked for.
        guardrails: The results of the gateway's guardrails, where there are any.
        cost: US dollars, where the model's price is known.
        kept_from: When the answer was made, in seconds since 1970, where it comes from the answer cache.
        raw: The beginning of the model's text, where it does not fit the typed columns.
        reasoning: The beginning of the reasoning that the model wrote before its answer, in its text.
        service_tier: The provider's service tier, such as flex, which has a price of its own.
        cache_write_tokens: Tokens of the request that were written to the provider's cache, where that has a
            price of its own, as at Anthropic.
        batch: The batch that answered: its id, and the tokens of the request that it answered, which cost
            less than those of other requests for the row.
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
    reasoning: str | None = None
    service_tier: str | None = None
    cache_write_tokens: int | None = None
    batch: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the known fields by their names; `kept_from` as ISO 8601."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        if self.kept_from is not None:
            moment = datetime.fromtimestamp(self.kept_from, timezone.utc)
            known["kept_from"] = moment.isoformat(timespec="seconds")
        return known


#: The names of the fields of evidence, in order.
EVIDENCE_FIELDS = Evidence._fields


class Remaining(NamedTuple):
    """How much the provider still takes before its limits, by the headers of a response.

    Each is None where the provider does not say it.

    Attributes:
        requests: So many requests.
        tokens: So many tokens, of prompts and answers together.
        prompt_tokens: So many tokens of prompts, where they have a limit of their own.
        completion_tokens: So many tokens of answers, where they have a limit of their own.
    """

    requests: int | None = None
    tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response of the gateway.

    Attributes:
        status: HTTP status, 200 to 299.
        body: The parsed JSON body.
        evidence: The evidence from its headers.
        attempts: How often the request was sent.
        remaining: How much the provider still takes before its limits, or None if it does not say.
    """

    status: int
    body: Any
    evidence: Evidence = Evidence()  # noqa: RUF009 - it cannot change
    attempts: int = 1
    remaining: Remaining | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a row.

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
        return cls(None, safe(reason), evidence, failed=True)


_LONGEST_VALUE = 64


@dataclass(frozen=True, slots=True)
class RowNames:
    """The names of a query's rows, for messages.

    Attributes:
        first: The number of the first row.
        column: A column that identifies the rows; empty where none is known.
        values: The values of that column.
        numbers: The numbers of the rows, where they do not follow from the first.
    """

    first: int = 0
    column: str = ""
    values: Sequence[Any] = ()
    numbers: Sequence[int | str] | None = None

    def of(self, row: int) -> int | str:
        """Return the name of a row: `id = 1057` where a column identifies rows, else its number.

        A long text, or one with blanks, is not used, because it may be a prompt.
        """
        if self.column:
            value = self.values[row]
            said = value.isoformat() if hasattr(value, "isoformat") else str(value)
            if len(said) <= _LONGEST_VALUE and not any(map(str.isspace, said)):
                quoted = "'{}'".format(said.replace("'", "''"))
                return f"{self.column} = {said if isinstance(value, Number) else quoted}"
        return self.first + row if self.numbers is None else self.numbers[row]

    def followed_by(self, names: RowNames, own: int, total: int) -> RowNames:
        """Return the names of a number of rows, followed by those of other rows up to a total."""
        return RowNames(numbers=[*map(self.of, range(own)), *(names.of(row) for row in range(total - own))])
