"""The usage of a query: noted item by item, read while the query runs and when it has ended.

Its size is bounded, whatever the number of rows. Equal rows that share an answer are one item, with the name
of the first row.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ..records import Evidence, Outcome, RowNames, is_cut_off
from .prices import GATEWAY_HITS

_STEPS = 8  # steps of a latency histogram per doubling: a latency is at most 4 % off
_MOST_REASONS = 100
_MOST_MODELS = 100
_MOST_ERRORS = 100
_MOST_SLOW = 20
_MOST_SAMPLES = 240
_LONGEST_NAME = 200
#: The most characters on disk of a text that may come from a row: the reason of a failure, a prompt.
LONGEST_TEXT = 200


class LatencyHistogram:
    """The latencies of answers, as a histogram with steps that grow exponentially.

    Args:
        counts: Number of answers by step; the `counts` of another histogram, to continue it.
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter(counts or {})

    def add(self, milliseconds: float) -> None:
        """Count one answer."""
        self.counts[step_of(milliseconds)] += 1

    def quantile(self, share: float) -> float | None:
        """Return the milliseconds within which a share of the answers came; None if there are no answers."""
        left = share * self.counts.total()
        for step in sorted(self.counts):
            left -= self.counts[step]
            if left <= 0:
                return self.milliseconds(step)
        return None

    @staticmethod
    def milliseconds(step: int) -> float:
        """Return the latency of a step of the histogram, in milliseconds."""
        return float(2 ** (step / _STEPS))


@lru_cache(4096)
def step_of(milliseconds: float) -> int:
    """Return the histogram step of a latency."""
    return round(math.log2(milliseconds) * _STEPS) if milliseconds > 1 else 0


@dataclass(slots=True)
class ModelUsage:
    """The usage of one model.

    Attributes:
        answers: Number of its answers.
        prompt_tokens: Tokens of the requests.
        completion_tokens: Tokens of the answers.
        cached_tokens: Prompt tokens that the provider had in its cache.
        cost: US dollars of the answers with a known price.
        unpriced: Answers without a known price.
        latencies: The latencies of its answers.
        cache_write_tokens: Prompt tokens that were written to the provider's cache.
    """

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that should have an answer and has none.

    Attributes:
        at: When it failed, in seconds since 1970.
        row: The row's name; see `RowNames.of`.
        reason: Why it failed, cut; its kind, where reasons are not kept (see `kind_of`).
    """

    at: float
    row: int | str
    reason: str
    status: int | None
    trace_id: str | None
    span_id: str | None


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """The progress at one moment: seconds since the start, settled items, failed items among them."""

    seconds: float
    settled: int
    failed: int


@dataclass(slots=True)
class QueryUsage:
    """The usage of one query.

    Attributes:
        names: The names of the rows; set before the first outcome is noted.
        clock: Returns seconds that only go forward.
        keeps_reasons: Whether `failures` have the reasons; else they have their kinds.
        settled: Items with an outcome.
        asked: Items for which a request was sent.
        kept: Items served from the answer cache.
        failed: Items that should have an answer and have none.
        cut_off: Answers that ended because the tokens ran out.
        gateway_hits: Answers that came from the gateway's cache.
        models: The usage of each model that answered, without cached answers.
        kept_by: Number of cached answers of each model.
        reasons: Number of failures by reason; a hundred reasons, the others as "other reasons".
        kinds: Number of failures by kind.
        failures: The last hundred failures.
        slowest: Milliseconds and row of the twenty slowest rows, as a heap.
        moments: At most 240 samples of the progress, evenly spaced.
    """

    names: RowNames = field(default_factory=RowNames)
    clock: Callable[[], float] = time.monotonic
    keeps_reasons: bool = True
    settled: int = 0
    asked: int = 0
    kept: int = 0
    failed: int = 0
    cut_off: int = 0
    gateway_hits: int = 0
    models: dict[str, ModelUsage] = field(default_factory=dict)
    kept_by: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=_MOST_ERRORS))
    slowest: list[tuple[int, int]] = field(default_factory=list)
    moments: list[ProgressSample] = field(default_factory=list)
    _slow_from: int = -1
    _failed_latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    _started: float = 0.0
    _next_sample: float = 0.0
    _sample_interval: float = 0.1

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def cost(self) -> float:
        """US dollars of the answers with a known price."""
        return sum(use.cost for use in self.models.values())

    @property
    def unpriced(self) -> int:
        """Number of answers without a known price."""
        return sum(use.unpriced for use in self.models.values())

    @property
    def latencies(self) -> LatencyHistogram:
        """The latencies of answers and failures."""
        total = LatencyHistogram(self._failed_latencies.counts)
        for use in self.models.values():
            total.counts.update(use.latencies.counts)
        return total

    @property
    def known_cost(self) -> float | None:
        """US dollars of the answers with a known price; None if there are answers and none has one."""
        answers = sum(use.answers for use in self.models.values())
        return None if answers and answers == self.unpriced else self.cost

    @property
    def tokens(self) -> int | None:
        """Prompt and completion tokens; None if there are answers and none reports its tokens."""
        used = self.prompt_tokens + self.completion_tokens
        return used if used or not any(use.answers for use in self.models.values()) else None

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of all models."""
        return sum(use.prompt_tokens for use in self.models.values())

    @property
    def completion_tokens(self) -> int:
        """Completion tokens of all models."""
        return sum(use.completion_tokens for use in self.models.values())

    def note(self, row: int, outcome: Outcome) -> None:
        """Note an item's outcome."""
        self.settled += 1
        evidence = outcome.evidence
        if outcome.failed:
            self._note_failure(row, outcome)
        if evidence is not None:
            ended = evidence.finish_reason
            if ended is not None and ended != "stop" and is_cut_off(ended):
                self.cut_off += 1
            if evidence.kept_from is None:
                self._note_asked(row, evidence, failed=outcome.failed)
            else:
                self.kept += 1
                self.kept_by[evidence.model or ""] += 1
        seconds = self.clock() - self._started
        if seconds >= self._next_sample:
            self._note_sample(seconds)

    def _note_asked(self, row: int, evidence: Evidence, *, failed: bool) -> None:
        self.asked += 1
        model, latency, prompt_tokens = evidence.model, evidence.latency_ms, evidence.prompt_tokens
        if latency is not None and latency > self._slow_from:
            self._note_slow(latency, row)
        if failed and model is None and prompt_tokens is None:
            if latency is not None:
                self._failed_latencies.add(latency)
            return  # no usage was reported
        use = self.models.get(model or "") or self._add_model(model or "")
        use.answers += 1
        if latency is not None:
            use.latencies.counts[step_of(latency)] += 1
        if evidence.cache_status in GATEWAY_HITS:
            # The provider got no request: the response repeats the tokens of an earlier one.
            self.gateway_hits += 1
            return
        if prompt_tokens:
            use.prompt_tokens += prompt_tokens
        if evidence.completion_tokens:
            use.completion_tokens += evidence.completion_tokens
        if evidence.cached_tokens:
            use.cached_tokens += evidence.cached_tokens
        use.cache_write_tokens += evidence.cache_write_tokens or 0
        if evidence.cost is None:
            use.unpriced += 1
        else:
            use.cost += evidence.cost

    def _add_model(self, model: str) -> ModelUsage:
        known = len(self.models) < _MOST_MODELS
        return self.models.setdefault(model[:_LONGEST_NAME] if known else "other models", ModelUsage())

    def _note_slow(self, latency: int, row: int) -> None:
        if len(self.slowest) < _MOST_SLOW:
            heapq.heappush(self.slowest, (latency, row))
        else:
            heapq.heapreplace(self.slowest, (latency, row))
        if len(self.slowest) == _MOST_SLOW:
            self._slow_from = self.slowest[0][0]

    def _note_failure(self, row: int, outcome: Outcome) -> None:
        self.failed += 1
        reason = (outcome.reason or "")[:LONGEST_TEXT]
        known = reason in self.reasons or len(self.reasons) < _MOST_REASONS
        self.reasons[reason if known else "other reasons"] += 1
        kind = kind_of(outcome)
        self.kinds[kind] += 1
        evidence = outcome.evidence or Evidence()
        name = self.names.of(row)
        self.failures.append(
            Failure(
                time.time(),
                name,
                reason if self.keeps_reasons else kind,
                evidence.status,
                evidence.trace_id,
                evidence.span_id,
            )
        )

    def _note_sample(self, seconds: float) -> None:
        if len(self.moments) >= _MOST_SAMPLES:
            self.moments = self.moments[1::2]
            self._sample_interval *= 2
        self.moments.append(ProgressSample(seconds, self.settled, self.failed))
        self._next_sample = seconds + self._sample_interval


def kind_of(outcome: Outcome) -> str:
    """Return what kind of a failure an outcome is, without words of the provider or of the row."""
    evidence = outcome.evidence
    if evidence is None or not evidence.attempts:
        return "not asked"
    if evidence.status is None:
        return "no answer"
    return "an answer that is of no use" if 200 <= evidence.status < 300 else f"status {evidence.status}"
