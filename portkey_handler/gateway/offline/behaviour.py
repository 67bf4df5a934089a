"""The faults to simulate and the requests received: plain objects that a test sets and reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .answers import stand_in_answer


@dataclass(frozen=True)
class Fault:
    """A fault to simulate for one request.

    Attributes:
        kind: `status` answers with `status`, `headers` and `body`; `reset` breaks the connection; `lost`
            does what a POST asks for and then breaks the connection; `malformed` answers 200 with incomplete
            JSON; `stall` waits for `seconds` before the headers, and `stall_body` after half of the body, and
            both then answer as usual.
        body: Text, bytes, or an object that is sent as JSON. None is an error in OpenAI's format.
    """

    kind: Literal["status", "reset", "lost", "malformed", "stall", "stall_body"] = "status"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 3600.0


@dataclass(frozen=True)
class RecordedRequest:
    """One request, as received.

    Attributes:
        headers: Names in lower case.
        body: The JSON value; the bytes if the body is not JSON; None without a body.
        number: The number of the request, from 1, since the start or the last reset.
        time: `time.monotonic()` in seconds.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    number: int
    time: float


@dataclass
class BatchBehaviour:
    """How batches go; every attribute may be changed while the stand-in runs.

    Attributes:
        looks: How often a batch is looked at before it has ended.
        ends: The status with which it ends.
        answered: The lines that are answered before it ends, from the first; None for all of them.
        error: What is said of a batch that fails.
        output: Returns the lines of the output file in place of those that it is given, to change them.
        has_lists: Whether files and batches can be listed; without, the answer is 404.
    """

    looks: int = 0
    ends: Literal["completed", "expired", "cancelled", "failed"] = "completed"
    answered: int | None = None
    error: str = "The batch failed."
    output: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda lines: lines
    has_lists: bool = True


@dataclass
class Behaviour:
    """How the stand-in behaves; every attribute may be changed while it runs.

    Attributes:
        answer: Returns the text of the answer for the body of a request. A saved prompt's has `variables`.
        latency: Seconds before each answer.
        faults: A function that is called for every request; or a list, and each POST takes its next item.
        requests_per_second: POSTs above this number within one second get 429 and Retry-After.
        max_served: The most POSTs that are served at a time; others wait.
        key: The key required as `Authorization: Bearer` (or `x-api-key`); without it the answer is 401.
        portkey_key: The key required as `x-portkey-api-key`; without it the answer is 401.
        unknown_models: Models that do not exist; the answer is 404.
        completion_token_models: Models that refuse `max_tokens` with 400 and accept `max_completion_tokens`.
        dimensions: The length of an embedding, if the request has no `dimensions`.
        record: Whether the requests are recorded; turn it off for benchmarks.
        prompt_cache: The beginnings of prompts with `cache_control` that are cached; None has no such cache.
        batches: How batches go.
    """

    answer: Callable[[dict[str, Any]], str] = stand_in_answer
    latency: float = 0.0
    faults: Callable[[RecordedRequest], Fault | None] | list[Fault | None] | None = None
    requests_per_second: float | None = None
    max_served: int | None = None
    key: str | None = None
    portkey_key: str | None = None
    unknown_models: Collection[str] = ()
    completion_token_models: Collection[str] = ()
    dimensions: int = 8
    record: bool = True
    prompt_cache: set[str] | None = None
    batches: BatchBehaviour = field(default_factory=BatchBehaviour)
