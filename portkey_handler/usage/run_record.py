"""The record of a query, written at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, TypeVar

from ..errors import GatewayError, PortkeyHandlerError
from ..execution.row_results import Counts, MapResult
from ..foreign_text import without_keys
from ..options import Plan
from .query_usage import Failure, LatencyHistogram, ModelUsage, ProgressSample, QueryUsage

_MOST_REASONS = 20
_listeners: ContextVar[tuple[Callable[[RunRecord], None], ...]] = ContextVar("on_record", default=())
_DETAILS = ("asked", "planned", "shares", "models", "kept_by", "latencies", "reasons", "slowest", "moments")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The record of one query. Counts are of rows, unless stated otherwise.

    A new attribute needs a default, for records that were written without it, and a column (see
    `run_history.MIGRATIONS`) or a place in `details`.

    Attributes:
        engine: The engine's name.
        model: The model's name in SQL; for a predictor without SQL, the target.
        started: Seconds since 1970.
        seconds: Duration of the query.
        rows: All rows.
        distinct_items: Distinct items that were sent or served from the answer cache.
        unasked: Rows with nothing to ask.
        answered: Rows with an answer, cached ones and copies included.
        failed: Rows that were tried and have no answer.
        kept: Rows served from the answer cache.
        copies: Rows that share the answer of an equal row.
        cut_off: Answers that ended because the tokens ran out.
        gateway_hits: Answers from the gateway's cache.
        requests: Requests sent, retries included.
        prompt_tokens: Prompt tokens of all requests.
        completion_tokens: Completion tokens of all answers.
        cached_tokens: Prompt tokens that the provider had in its cache.
        cost: US dollars of the answers with a known price.
        unpriced: Answers without a known price.
        trace_id: The trace of the query in the gateway's logs.
        ended: How the query ended, in one short sentence without any data of a row.
        asked: The model in the options; may be empty.
        models: Usage by model that answered.
        kept_by: Number of cached answers by model.
        latencies: The latencies of answers and failures.
        reasons: Number of failed items by reason, the most frequent reasons only; by kind, where reasons are
            not kept.
        slowest: Name and milliseconds of the slowest rows, slowest first.
        moments: Samples of the progress.
        planned: How the rows were chosen, in words, where not all of a statement had to be asked.
        shares: By the digest of a condition on the answers: the rows of its first wave, and how many it kept.
        cache_write_tokens: Prompt tokens that were written to the provider's cache.
    """

    engine: str
    model: str
    started: float
    seconds: float
    rows: int
    distinct_items: int
    unasked: int
    answered: int
    failed: int
    kept: int
    copies: int
    cut_off: int
    gateway_hits: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float
    unpriced: int
    trace_id: str
    ended: str
    asked: str = ""
    models: dict[str, ModelUsage] = field(default_factory=dict)
    kept_by: dict[str, int] = field(default_factory=dict)
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    reasons: dict[str, int] = field(default_factory=dict)
    slowest: list[tuple[int | str, int]] = field(default_factory=list)
    moments: list[ProgressSample] = field(default_factory=list)
    planned: str = ""
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    cache_write_tokens: int = 0

    @property
    def cached_share(self) -> float | None:
        """The share of the prompt tokens that the provider had in its cache; None without any tokens."""
        return share_of(self.cached_tokens, self.prompt_tokens)

    def details(self) -> str:
        """Return the attributes that have no column, as JSON."""
        return json.dumps(
            {
                "asked": self.asked,
                "planned": self.planned,
                "shares": self.shares,
                "models": {name: _written(use) for name, use in self.models.items()},
                "kept_by": self.kept_by,
                "latencies": self.latencies.counts,
                "reasons": self.reasons,
                "slowest": self.slowest,
                "moments": [[round(one.seconds, 3), one.settled, one.failed] for one in self.moments],
            }
        )


def share_of(part: float, whole: float) -> float | None:
    """Return a share from 0 to 1; None of nothing."""
    return part / whole if whole else None


@contextmanager
def on_record(listener: Callable[[RunRecord], None]) -> Iterator[None]:
    """Call `listener` with the record of each query that starts inside the `with` block, at its end."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


#: The attributes of a run that have a column, in order.
COLUMNS = tuple(one.name for one in fields(RunRecord) if one.name not in _DETAILS)


def read_details(written: str) -> dict[str, Any]:
    """Return the details of a record as arguments of `RunRecord`.

    Missing names are left out. If the text is damaged, all of them are.
    """
    try:
        found = json.loads(written)
        return {name: read(found[name]) for name, read in _READ.items() if name in found}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def made_of(kind: Callable[..., _T], stored: dict[str, Any]) -> _T:
    """Return a dataclass made from stored values, by the names of its attributes.

    Names that the dataclass does not have are dropped. Missing and NULL values get the attribute's default.
    """
    given = {}
    for name, has_default in _attributes(kind):
        value = stored.get(name)
        if value is not None or not has_default:
            given[name] = value
    return kind(**given)


@lru_cache(16)
def _attributes(kind: Any) -> tuple[tuple[str, bool], ...]:
    """Return the names of a dataclass's attributes, and whether each has a default."""
    return tuple(
        (one.name, one.default is not MISSING or one.default_factory is not MISSING) for one in fields(kind)
    )


def written_latencies(latencies: LatencyHistogram) -> str:
    """Return a histogram as JSON."""
    return json.dumps(latencies.counts)


def read_latencies(written: str) -> LatencyHistogram:
    """Return the histogram that `written_latencies` wrote; an empty one if the text is damaged."""
    try:
        return _latencies(json.loads(written))
    except (ValueError, TypeError, AttributeError):
        return LatencyHistogram()


def _latencies(counts: dict[str, int]) -> LatencyHistogram:
    return LatencyHistogram({int(step): int(count) for step, count in counts.items()})


class RunRecorder:
    """Makes the record of a query at its end, with or without an error.

    Args:
        plan: The resolved options.
        usage: The usage of the query.
        trace_id: The trace of the query in the gateway's logs.
        write: Called with the record and the last failures.

    Attributes:
        rows: Number of rows; None until it is known. A query without it is not recorded.
        planned: How the rows are chosen, in words.
        shares: Which share of the rows conditions have kept; see `RunRecord`.
        look: Returns the current counts; None until the mapper runs.
        mapping: The result of the mapper; None until it has ended.
    """

    def __init__(
        self,
        plan: Plan,
        usage: QueryUsage,
        trace_id: str,
        write: Callable[[RunRecord, Sequence[Failure]], None],
    ) -> None:
        self._plan = plan
        self._usage = usage
        self._trace_id = trace_id
        self._write = write
        self._started = time.time()
        self._clock = time.monotonic()
        self.rows: int | None = None
        self.planned = ""
        self.shares: dict[str, tuple[int, int]] = {}
        self.look: Callable[[], Counts] | None = None
        self.mapping: MapResult | None = None

    def record(self, error: BaseException | None) -> None:
        """Write the record; `error` is the error that ended the query, or None."""
        if self.rows is None:
            return
        usage = self._usage
        counts = self.look() if self.look is not None else Counts(self.rows)
        raises = self._plan.execution.on_error == "raise"
        reasons = usage.reasons if usage.keeps_reasons else usage.kinds
        seconds = time.monotonic() - self._clock
        made = RunRecord(
            engine=self._plan.engine,
            model=self._plan.name,
            started=self._started,
            seconds=seconds,
            rows=counts.total,
            distinct_items=usage.asked + usage.kept,
            unasked=counts.unasked,
            answered=counts.done - counts.failed - counts.unasked,
            failed=counts.failed,
            kept=counts.cached,
            copies=counts.copies,
            cut_off=usage.cut_off,
            gateway_hits=usage.gateway_hits,
            requests=counts.requests,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=sum(use.cached_tokens for use in usage.models.values()),
            cache_write_tokens=sum(use.cache_write_tokens for use in usage.models.values()),
            cost=usage.cost,
            unpriced=usage.unpriced,
            trace_id=self._trace_id,
            ended=how_it_ended(counts, self.mapping, error, raises=raises),
            asked=without_keys(str(self._plan.parameters.value.get("model") or "")),
            models=usage.models,
            kept_by=usage.kept_by,
            latencies=usage.latencies,
            reasons=dict(reasons.most_common(_MOST_REASONS)),
            slowest=[
                (usage.names.of(row), milliseconds)
                for milliseconds, row in sorted(usage.slowest, reverse=True)
            ],
            moments=[*usage.moments, ProgressSample(seconds, usage.settled, usage.failed)],
            planned=self.planned,
            shares=self.shares,
        )
        for listener in _listeners.get():
            listener(made)
        self._write(made, usage.failures)


def how_it_ended(
    counts: Counts, mapping: MapResult | None, error: BaseException | None, *, raises: bool
) -> str:
    """Return how a query ended, in one short sentence without data of a row or words of the provider.

    Args:
        counts: The counts of its rows.
        mapping: The result of the mapper; None if it did not end.
        error: The error that was raised before that, or None.
        raises: Whether a failed row fails the query.
    """
    left = counts.total - counts.done
    rest = f"; {_rows(left)} not asked" if left else ""
    if mapping is None:
        if error is None or not isinstance(error, Exception):
            return f"interrupted{rest}"
        return (
            f"not asked: {type(error).__name__}" if not counts.requests else f"{type(error).__name__}{rest}"
        )
    if mapping.stopped is not None:
        return f"stopped by {_named(mapping.stopped)}{rest}"
    if left:
        return f"deadline passed{rest}"
    if counts.failed:
        return f"{_rows(counts.failed)} failed" + (", and so did the query" if raises else "")
    return "done"


def _named(error: PortkeyHandlerError) -> str:
    status = error.status if isinstance(error, GatewayError) else None
    return type(error).__name__ + (f" ({status})" if status is not None else "")


def _rows(number: int) -> str:
    return f"{number:,} row{'s' if number != 1 else ''}"


def _written(use: ModelUsage) -> dict[str, Any]:
    return {**asdict(use), "latencies": use.latencies.counts}


def _use(written: dict[str, Any]) -> ModelUsage:
    return made_of(ModelUsage, {**written, "latencies": _latencies(written["latencies"])})


#: Reads each of the details.
_READ: dict[str, Callable[[Any], Any]] = {
    "asked": str,
    "planned": str,
    "shares": lambda shares: {digest: (int(rows), int(kept)) for digest, (rows, kept) in shares.items()},
    "models": lambda models: {name: _use(use) for name, use in models.items()},
    "kept_by": dict,
    "latencies": _latencies,
    "reasons": dict,
    "slowest": lambda slowest: [(row, milliseconds) for row, milliseconds in slowest],
    "moments": lambda moments: [ProgressSample(*moment[:3]) for moment in moments],
}
