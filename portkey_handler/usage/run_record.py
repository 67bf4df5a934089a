"""What is recorded of a query when it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, TypeVar

from ..errors import GatewayError, PortkeyHandlerError
from ..execution.row_results import Counts, MapResult
from ..options import Plan
from .query_usage import Failure, LatencyHistogram, ModelUsage, ProgressSample, QueryUsage

_MOST_REASONS = 20
_DETAILS = ("asked", "models", "kept_by", "latencies", "reasons", "slowest", "moments")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The record of one query. Counts are of rows unless said otherwise.

    A new attribute has a default, for records that were written without it, and a column (see
    `ledger.MIGRATIONS`) or a place in `details`.

    Attributes:
        engine: The engine's name.
        model: The model's name in SQL; of a predictor used alone, the target.
        started: Seconds since 1970.
        seconds: How long it took.
        rows: All there were.
        distinct_items: Different items among them that were asked or kept.
        unasked: Those with nothing to ask.
        answered: Those with an answer, kept ones and copies included.
        failed: Those that were tried and have no answer.
        kept: Those answered by an earlier query.
        copies: Those that share the answer of an equal one.
        cut_off: Answers that ended because the tokens ran out.
        gateway_hits: Answers from the gateway's cache.
        requests: Requests sent, retries included.
        prompt_tokens: Tokens that were asked.
        completion_tokens: Tokens that were answered.
        cached_tokens: Those among the asked ones that the provider had in its cache.
        cost: US dollars, of the answers whose price is known.
        unpriced: Answers whose price is not known.
        trace_id: The trace under which the gateway logs the query.
        ended: How it ended, in one short sentence without anything of a row.
        asked: The model that was asked, as the options say it; may be empty.
        models: Model that answered, to what was used of it.
        kept_by: Model that kept answers are of, to how many.
        latencies: How long answers and failures took.
        reasons: Why items failed, to how many; the most frequent ones.
        slowest: Row, by its name, and milliseconds, slowest first.
        moments: How far the query was, over time.
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

    def details(self) -> str:
        """Write what has no column of its own, as JSON."""
        return json.dumps(
            {
                "asked": self.asked,
                "models": {name: _written(use) for name, use in self.models.items()},
                "kept_by": self.kept_by,
                "latencies": self.latencies.counts,
                "reasons": self.reasons,
                "slowest": self.slowest,
                "moments": [[round(one.seconds, 3), one.settled, one.failed] for one in self.moments],
            }
        )


#: The attributes of a run that have columns of their own, in order.
COLUMNS = tuple(one.name for one in fields(RunRecord) if one.name not in _DETAILS)


def read_details(written: str) -> dict[str, Any]:
    """Read what `RunRecord.details` wrote, as arguments of `RunRecord`.

    What was not written is left out, and so is everything where damage has made it unreadable.
    """
    try:
        found = json.loads(written)
        return {name: read(found[name]) for name, read in _READ.items() if name in found}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def made_of(kind: Callable[..., _T], written: dict[str, Any]) -> _T:
    """Make a dataclass of what was written, by the names of its attributes.

    Names that it does not have are dropped; what is missing or NULL has the attribute's default.
    """
    given = {}
    for name, has_default in _attributes(kind):
        value = written.get(name)
        if value is not None or not has_default:
            given[name] = value
    return kind(**given)


@lru_cache(16)
def _attributes(kind: Any) -> tuple[tuple[str, bool], ...]:
    """Return the names of a dataclass's attributes, and whether they have a default."""
    return tuple(
        (one.name, one.default is not MISSING or one.default_factory is not MISSING) for one in fields(kind)
    )


def written_latencies(latencies: LatencyHistogram) -> str:
    """Write a histogram as JSON."""
    return json.dumps(latencies.counts)


def read_latencies(written: str) -> LatencyHistogram:
    """Read what `written_latencies` wrote; an empty one, where damage has made it unreadable."""
    try:
        return _latencies(json.loads(written))
    except (ValueError, TypeError, AttributeError):
        return LatencyHistogram()


def _latencies(counts: dict[str, int]) -> LatencyHistogram:
    return LatencyHistogram({int(step): int(count) for step, count in counts.items()})


class RunRecorder:
    """Makes the record of a query when it is over, however it ended.

    Args:
        plan: The resolved options.
        account: What the query uses.
        trace_id: The trace under which the gateway logs it.
        write: Is given the record and the last failures.

    Attributes:
        rows: How many there are; None as long as nothing was to be answered, which is not recorded.
        look: Gives the counts as they are, once they are counted.
        mapping: The end of its run, once it came to one.
    """

    def __init__(
        self,
        plan: Plan,
        account: QueryUsage,
        trace_id: str,
        write: Callable[[RunRecord, Sequence[Failure]], None],
    ) -> None:
        self._plan = plan
        self._account = account
        self._trace_id = trace_id
        self._write = write
        self._started = time.time()
        self._clock = time.monotonic()
        self.rows: int | None = None
        self.look: Callable[[], Counts] | None = None
        self.mapping: MapResult | None = None

    def record(self, error: BaseException | None) -> None:
        """Write the record; `error` is what ended the query, where it did not come to its end."""
        if self.rows is None:
            return
        account = self._account
        counts = self.look() if self.look is not None else Counts(self.rows)
        raises = self._plan.execution.on_error == "raise"
        seconds = time.monotonic() - self._clock
        self._write(
            RunRecord(
                engine=self._plan.engine,
                model=self._plan.name,
                started=self._started,
                seconds=seconds,
                rows=counts.total,
                distinct_items=account.asked + account.kept,
                unasked=counts.unasked,
                answered=counts.done - counts.failed - counts.unasked,
                failed=counts.failed,
                kept=counts.cached,
                copies=counts.copies,
                cut_off=account.cut_off,
                gateway_hits=account.gateway_hits,
                requests=counts.requests,
                prompt_tokens=account.prompt_tokens,
                completion_tokens=account.completion_tokens,
                cached_tokens=sum(use.cached_tokens for use in account.models.values()),
                cost=account.cost,
                unpriced=account.unpriced,
                trace_id=self._trace_id,
                ended=how_it_ended(counts, self.mapping, error, raises=raises),
                asked=str(self._plan.parameters.value.get("model") or ""),
                models=account.models,
                kept_by=account.kept_by,
                latencies=account.latencies,
                reasons=dict(account.reasons.most_common(_MOST_REASONS)),
                slowest=[
                    (account.names.of(row), milliseconds)
                    for milliseconds, row in sorted(account.slowest, reverse=True)
                ],
                moments=[*account.moments, ProgressSample(seconds, account.settled, account.failed)],
            ),
            account.failures,
        )


def how_it_ended(
    counts: Counts, mapping: MapResult | None, error: BaseException | None, *, raises: bool
) -> str:
    """Return in one short sentence how a query ended; nothing of a row or of the provider's words is in it.

    Args:
        counts: How its rows ended.
        mapping: The end of its run, where it came to one.
        error: What was raised before that, where something was.
        raises: A failed row fails the query.
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


#: How each of the details is read.
_READ: dict[str, Callable[[Any], Any]] = {
    "asked": str,
    "models": lambda models: {name: _use(use) for name, use in models.items()},
    "kept_by": dict,
    "latencies": _latencies,
    "reasons": dict,
    "slowest": lambda slowest: [(row, milliseconds) for row, milliseconds in slowest],
    "moments": lambda moments: [ProgressSample(*moment[:3]) for moment in moments],
}
