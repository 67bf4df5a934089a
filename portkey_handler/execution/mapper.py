"""Items to outcomes, in order: many in flight, equal items sent once, cached answers not sent again.

Knows nothing of language models, tables or SQL. Rows are pulled from an iterator by as many workers as the
concurrency limit allows, so that a million rows never become a million tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import CostReachedError, GatewayError
from ..records import Evidence, Item, Outcome, Request, Response, Skipped
from .beginnings import Beginnings
from .capacity import NO_PATIENCE, Capacity
from .circuit_breaker import HOPELESS, CircuitBreaker
from .concurrency import AdaptiveConcurrency
from .pending_rows import Cache, Elsewhere, Pause, Pending, PendingRows
from .retry import QueryStopped, RetryingSender, Send
from .row_results import Counts, MapResult, RowResults

Operation = Callable[[Sequence[Item]], Generator[Request, Response, Sequence[Outcome | GatewayError]]]

#: Seconds in which requests that are in flight may still be answered when the query ends early.
LANDING = 5.0
#: Requests for rows in order, before rows from elsewhere are tried because all have failed.
IN_ORDER = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperLimits:
    """What limits the requests of a query.

    Attributes:
        concurrency: How many may be in flight; None lets the limit adapt.
        most_in_flight: How many the system has room for, or None for any number.
        timeout: Seconds that one attempt may take; `send` sees to it. For so long an item is waited for that
            another query has sent.
        max_attempts: How often one request is tried.
        batch_size: How many items are sent in one request at most.
        deadline: Seconds after which no request is sent any more, or None.
        several_models: Whether the rows have models of their own.
        in_parts: Whether the rows come in parts. All of the first part may fail without ending the query, and
            then rows from all over the next one are tried.
        capacity: What is done where the provider has no resources free for a request.
        first_alone: Whether nothing is sent beside the first request until one is answered.
    """

    concurrency: int | None = None
    most_in_flight: int | None = None
    timeout: float
    max_attempts: int
    batch_size: int = 1
    deadline: float | None = None
    several_models: bool = False
    in_parts: bool = False
    capacity: Capacity = NO_PATIENCE
    first_alone: bool = False


class Mapper:
    """Runs one operation over the rows of one query; made and used inside one event loop.

    Args:
        operation: Makes requests from a batch of items, and outcomes from responses; a generator that yields
            a request and receives its response, or has the failure thrown into it.
        send: Sends one request once; raises `GatewayError`.
        limits: What limits the requests.
        cache: Holds answers, or None.
        price: Returns what an answer cost, or None.
        on_outcome: Called with each item's outcome and the first of its rows, before it is cached; must be
            quick.
        remember: What of an outcome is kept until the end of the run, which matters for a million rows.
        stopped: Set when nothing is to be sent any more; may be shared.
    """

    def __init__(
        self,
        operation: Operation,
        send: Send,
        limits: MapperLimits,
        *,
        cache: Cache | None = None,
        price: Callable[[Evidence], float | None] = lambda _evidence: None,
        on_outcome: Callable[[int, Outcome], None] = lambda _row, _outcome: None,
        remember: Callable[[Outcome], Outcome] = lambda outcome: outcome,
        stopped: asyncio.Event | None = None,
    ) -> None:
        self._operation = operation
        self._limits = limits
        self._cache = cache
        self._price = price
        self._on_outcome = on_outcome
        self._remember = remember
        self._stopped = stopped or asyncio.Event()
        self._why: GatewayError | CostReachedError | None = None
        self._concurrency = AdaptiveConcurrency(
            limits.concurrency, limits.timeout, limits.most_in_flight, first_alone=limits.first_alone
        )
        hopeless = HOPELESS + IN_ORDER if limits.in_parts else HOPELESS
        self._breaker = CircuitBreaker(several_models=limits.several_models, hopeless=hopeless)
        self._workers: set[asyncio.Task[None]] = set()
        self._results = RowResults(remember)
        self._beginnings = Beginnings()
        self._loop = asyncio.get_running_loop()
        self._sender = RetryingSender(
            send,
            self._concurrency,
            limits.max_attempts,
            self._stopped,
            lambda: self._results.counts.cached > 0,
            limits.capacity,
        )
        # When the deadline passes, on the loop's clock; known when the first rows come.
        self._until: float | None = None
        self._late = False
        self._exhausted = False
        # Whether one of the workers waits for other queries, all rows having been pulled.
        self._waiting = False
        # Filled by the worker that has its turn, so that at most one request is not full.
        self._batch: list[Pending] = []

    async def run(
        self,
        rows: Iterable[Item | Skipped],
        total: int,
        elsewhere: Elsewhere | None = None,
        numbers: Sequence[int] | None = None,
    ) -> MapResult:
        """Answer rows, and return the outcomes of all rows so far.

        The rows of one query may come in parts: `run` is called for each part when the one before has ended.
        Their numbers go on, and so does everything else that is known of the query.

        When it is cancelled, no further request is sent, those in flight may land for `LANDING` seconds, and
        the cancellation goes on.

        Args:
            rows: An item, or why there is none, per row; pulled as the concurrency limit allows.
            total: How many rows there are.
            elsewhere: Makes the items of some rows, by their numbers. With it rows from all over the table
                are tried while some have failed and none was answered; see `PendingRows`.
            numbers: The numbers of the rows, where they do not come in order; then without `elsewhere`.
        """
        if self._until is None and self._limits.deadline is not None:
            self._until = self._loop.time() + self._limits.deadline
        first = self._results.add(total)
        pending = PendingRows(
            rows,
            first,
            self._results,
            self._cache,
            self._on_outcome,
            self._limits.timeout,
            self._loop.time,
            self._beginnings,
            numbers,
        )
        if elsewhere is not None:
            in_order = 0 if self._breaker.doubts else IN_ORDER * self._limits.batch_size
            pending.look_elsewhere(elsewhere, total, in_order, lambda: self._breaker.doubts)
        self._pending = iter(pending)
        self._exhausted = self._waiting = False
        try:
            in_time = await self._finish(self._until)
            if not in_time:
                self._stopped.set()
                await self._finish(self._loop.time() + LANDING)
        except asyncio.CancelledError:
            self._stopped.set()
            await self._finish(self._loop.time() + LANDING)
            raise
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
        self.now()
        self._late = self._late or (not in_time and self._why is None)
        reason = f"deadline = {self._limits.deadline:g} s passed" if self._late else _why_stopped(self._why)
        return self._results.finish(self._why, reason)

    def now(self) -> Counts:
        """Return the counts as they are at this moment."""
        counts = self._results.counts
        counts.requests = self._sender.requests
        counts.concurrency = self._concurrency.limit
        return counts

    def stop(self, reason: GatewayError | CostReachedError) -> None:
        """Send nothing more, and end the run with this reason; what is in flight may land."""
        if self._why is None:
            self._why = reason
            self._stopped.set()

    async def _finish(self, until: float | None) -> bool:
        """Work until all is done and return True, or until that moment on the loop's clock."""
        self._start_workers()
        while self._workers:
            if self._why is not None and until is None:
                until = self._loop.time() + LANDING
            left = None if until is None else max(0.0, until - self._loop.time())
            done, _ = await asyncio.wait(self._workers, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return False
            for worker in done:
                self._workers.discard(worker)
                worker.result()  # a defect in here must not be swallowed
            self._start_workers()
        return True

    def _start_workers(self) -> None:
        while (
            not (self._exhausted or self._waiting or self._stopped.is_set())
            and len(self._workers) < self._concurrency.limit
            and self._breaker.allows(len(self._workers) + 1, cached=self._results.counts.cached)
        ):
            self._workers.add(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        for pulled in self._pending:
            if isinstance(pulled, Pause):
                if not await self._go_on_after(pulled.seconds):
                    return
                continue
            if len(self._workers) < self._concurrency.limit:
                self._start_workers()  # some have ended while there was nothing to send
            self._batch.append(pulled)
            if len(self._batch) < self._limits.batch_size:
                continue
            if not await self._finish_batch():
                return
            if self._stopped.is_set() or self._are_too_many():
                return
        self._exhausted = True
        if self._batch:
            await self._finish_batch()

    def _are_too_many(self) -> bool:
        workers = len(self._workers)
        is_allowed = self._breaker.allows(workers, cached=self._results.counts.cached)
        return workers > self._concurrency.limit or not is_allowed

    async def _go_on_after(self, seconds: float) -> bool:
        """Let other tasks have their turn, and return whether to go on."""
        if not seconds:
            await asyncio.sleep(0)
        elif self._batch:
            # Send a partial batch before waiting, so that other queries do not wait for it.
            await self._finish_batch()
        elif self._waiting:
            return False  # one worker is enough to wait
        else:
            self._waiting = True
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), seconds)
            self._waiting = False
        return not self._stopped.is_set()

    async def _finish_batch(self) -> bool:
        """Send the batch and settle its rows; return whether it was sent."""
        batch, self._batch = self._batch, []
        started = self._loop.time()
        try:
            answers, attempts = await self._answers([item for _, item in batch])
        except QueryStopped:
            return False
        outcomes = self._outcomes(answers, attempts, self._loop.time() - started)
        for (row, _), outcome in zip(batch, outcomes, strict=True):
            self._on_outcome(row, outcome)
        if self._cache is not None:
            self._cache.put([(item.key, outcome) for (_, item), outcome in zip(batch, outcomes, strict=True)])
            # Answers of the same turn of the loop are written in one commit. The slot is not free before, so
            # that a kill costs no more than what was in flight.
            try:
                await asyncio.sleep(0)
            finally:
                self._cache.flush()
        for (row, item), outcome in zip(batch, outcomes, strict=True):
            self._results.settle(row, outcome)
            self._beginnings.ended(item, answered=not outcome.failed)
        self._start_workers()
        return True

    def _outcomes(
        self, answers: Sequence[Outcome | GatewayError], attempts: int, seconds: float
    ) -> list[Outcome]:
        """Judge the answers of a batch, and return their outcomes."""
        reason = self._breaker.judge(
            answers, concurrency=self._concurrency.limit, cached=self._results.counts.cached
        )
        if reason is not None:
            self.stop(reason)
        milliseconds = round(seconds * 1000)
        return [self._finished(answer, attempts, milliseconds) for answer in answers]

    async def _answers(self, items: Sequence[Item]) -> tuple[Sequence[Outcome | GatewayError], int]:
        """Run the operation; return an outcome or a failure for each item, and the number of attempts."""
        headers = items[0].headers  # of a batch the first row's
        attempts = 0
        evidence: Evidence | None = None
        steps = self._operation(items)
        try:
            request = next(steps)
            while True:
                if headers is not None:
                    request = replace(request, headers=headers)
                try:
                    response = await self._sender(request)
                except GatewayError as error:
                    attempts += error.attempts
                    evidence = error.evidence
                    request = steps.throw(error)
                except QueryStopped:
                    if not attempts:
                        raise
                    # What was answered of them before is paid, and must come out.
                    known = evidence and Evidence(trace_id=evidence.trace_id, span_id=evidence.span_id)
                    stopped = GatewayError("not asked: the query was stopped", attempts=0, evidence=known)
                    request = steps.throw(stopped)
                else:
                    attempts += response.attempts
                    request = steps.send(response)
        except StopIteration as stop:
            return stop.value, attempts
        except GatewayError as error:
            return [error] * len(items), attempts

    def _finished(self, answer: Outcome | GatewayError, attempts: int, milliseconds: int) -> Outcome:
        """Return an outcome whose evidence is complete."""
        if isinstance(answer, GatewayError):
            known = (answer.evidence or Evidence())._replace(status=answer.status)
            answer = Outcome.failure(answer.message, known)
        evidence = answer.evidence or Evidence()
        evidence = evidence._replace(
            # An operation that sends a batch may know better which requests were for which item.
            attempts=evidence.attempts or attempts,
            # An answer of a batch has no latency of its own.
            latency_ms=milliseconds if evidence.batch is None else None,
            cost=self._price(evidence),
        )
        return Outcome(answer.value, answer.reason, evidence, answer.failed)


def _why_stopped(why: GatewayError | CostReachedError | None) -> str:
    """Return why rows were not asked."""
    if why is None:
        return "the query was stopped"
    return f"the query was stopped, because {why.message}"
