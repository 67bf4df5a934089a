"""What goes wrong, and what came in: plain objects that a test sets and reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .answers import stand_in_answer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        kind: `status` answers with `status`, `headers` and `body`; `reset` breaks the connection; `malformed`
            answers 200 with half a JSON text; `stall` waits before the headers, `stall_body` after half the
            body, each for `seconds`, and then goes on as if nothing had been.
        body: Text, bytes or an object sent as JSON; None is an error in OpenAI's shape.
    """

    kind: Literal["status", "reset", "malformed", "stall", "stall_body"] = "status"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 3600.0


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came in.

    Attributes:
        headers: Names in lower case.
        body: The JSON value; the bytes where it is none; None where there is no body.
        number: Counts from 1 since the start or the last reset.
        time: `time.monotonic()` in seconds.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    number: int
    time: float


@dataclass
class Behaviour:
    """How the stand-in behaves; every attribute may be changed while it runs.

    Attributes:
        answer: The request's body to the answer's text. For prompts of the hosted gateway the body is theirs.
        latency: Seconds before each answer.
        faults: A function called for every request; or a list, of which each POST uses up the next one.
        requests_per_second: More POSTs than this within one second get 429 and Retry-After.
        max_served: So many POSTs are served at a time; the rest wait.
        key: Required as `Authorization: Bearer` (or `x-api-key`), else 401.
        portkey_key: Required as `x-portkey-api-key`, else 401.
        unknown_models: Models that do not exist, 404.
        completion_token_models: Models that refuse `max_tokens` and take `max_completion_tokens`, 400.
        dimensions: Length of an embedding that asks for none.
        record: Keep the requests; turn off for benchmarks.
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
