"""Items to outcomes, in order: many in flight, equal items asked once, failures tried again.

Knows nothing of language models, tables or SQL. Rows are pulled from an iterator by as many workers as the
flight allows, so that a million rows never become a million tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from .errors import GatewayError, RateLimitedError, ServerFaultError, TimedOutError
from .exchange import Answer, Evidence, Item, Outcome, Reply, Request, Unasked
from .pacing import LONGEST_WAIT, Flight, wait_before_retry

Operation = Callable[[Item], Generator[Request, Reply, Answer]]
Send = Callable[[Request], Awaitable[Reply]]

#: Rows that may fail in a row, nothing having been answered ever, before the query is stopped.
HOPELESS = 50
#: Rows settled without waiting before other tasks get their turn.
_TURN = 1000


@dataclass(slots=True)
class Tally:
    """What happened so far; reported one way, to whoever watches."""

    total: int
    done: int = 0
    failed: int = 0
    asked: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Mapping:
    """The end of a run.

    Attributes:
        outcomes: One per row, in the rows' order; equal items share one.
        tally: The counts.
        stopped: What stopped the run before its end, or None. Rows that were not asked say so.
    """

    outcomes: list[Outcome]
    tally: Tally
    stopped: GatewayError | None


NOT_ASKED = Outcome(reason="not asked: the query was stopped", failed=True)


class Mapper:
    """Runs one operation over rows, once.

    Args:
        operation: Makes requests from an item and an answer from replies; a generator that yields a request
            and receives its reply, or has the failure thrown into it.
        send: Sends one request; raises `GatewayError`.
        concurrency: The flight asked for, or None.
        max_attempts: How often one request is tried.
        deduplicate: Ask equal items once.
        report: Called with the tally whenever it changed; must be quick.
    """

    def __init__(
        self,
        operation: Operation,
        send: Send,
        *,
        concurrency: int | None,
        max_attempts: int,
        deduplicate: bool,
        report: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._operation = operation
        self._send = send
        self._flight = Flight(concurrency)
        self._max_attempts = max_attempts
        self._deduplicate = deduplicate
        self._report = report
        self._workers: set[asyncio.Task[None]] = set()
        self._exhausted = False
        self._answered = 0
        self._failed_in_a_row = 0
        self._stopped: GatewayError | None = None
        self._halted = asyncio.Event()

    async def run(self, rows: Iterable[Item | Unasked], total: int) -> Mapping:
        """Answer every row.

        Args:
            rows: What to ask, or why not, per row; pulled as the flight allows.
            total: How many rows there are.
        """
        self._tally = Tally(total)
        self._outcomes: list[Outcome | None] = [None] * total
        self._first_of: dict[bytes, int] = {}
        # Which row each row's outcome is taken from; 8 bytes a row, where a dict would be 100.
        self._source = array("q", range(total))
        self._shares = array("q", [1]) * total
        self._loop = asyncio.get_running_loop()
        self._pull = self._rows_to_ask(rows)
        try:
            self._fill_flight()
            while self._workers:
                done, _ = await asyncio.wait(self._workers, return_when=asyncio.FIRST_COMPLETED)
                for worker in done:
                    self._workers.discard(worker)
                    worker.result()  # a defect in here must not be swallowed
                self._fill_flight()
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
        outcomes = [self._outcomes[source] or NOT_ASKED for source in self._source]
        return Mapping(outcomes, self._tally, self._stopped)

    def _rows_to_ask(self, rows: Iterable[Item | Unasked]) -> Iterator[tuple[int, Item] | None]:
        """Give the rows that need a request; None every so often, to let others have their turn."""
        copies: dict[bytes, int] = {}
        for row, item in enumerate(rows):
            if row % _TURN == _TURN - 1:
                yield None
            if isinstance(item, Unasked):
                self._settle(row, Outcome(reason=item.reason, failed=item.failed))
                continue
            if not self._deduplicate:
                # The k-th of equal rows is an item of its own.
                copy = copies[item.key] = copies.get(item.key, -1) + 1
                yield row, Item(item.key + copy.to_bytes(8, "big"), item.payload)
                continue
            first = self._first_of.setdefault(item.key, row)
            if first == row:
                yield row, item
                continue
            self._source[row] = first
            settled = self._outcomes[first]
            if settled is None:
                self._shares[first] += 1
            else:
                self._count(settled, 1)

    def _fill_flight(self) -> None:
        while not self._exhausted and self._stopped is None and len(self._workers) < self._flight.limit:
            self._workers.add(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        for pulled in self._pull:
            if pulled is None:
                await asyncio.sleep(0)
                continue
            row, item = pulled
            self._tally.asked += 1
            outcome = await self._answer(item)
            self._settle(row, outcome)
            if self._stopped is not None or len(self._workers) > self._flight.limit:
                return
            self._fill_flight()
        self._exhausted = True

    async def _answer(self, item: Item) -> Outcome:
        started = self._loop.time()
        attempts = 0
        try:
            steps = self._operation(item)
            request = next(steps)
            while True:
                try:
                    reply, tried = await self._send_patiently(request)
                except GatewayError as error:
                    attempts += error.details.get("attempts", 1)
                    request = steps.throw(error)
                else:
                    attempts += tried
                    request = steps.send(reply)
        except StopIteration as stop:
            answer: Answer = stop.value
            evidence = answer.evidence
            self._answered += 1
            self._failed_in_a_row = 0
            outcome = Outcome(answer.value, answer.reason, evidence, failed=answer.reason is not None)
        except GatewayError as error:
            evidence = error.evidence if isinstance(error.evidence, Evidence) else Evidence()
            evidence.status = error.status
            self._take_note(error)
            outcome = Outcome(None, error.message, evidence, failed=True)
        evidence.attempts = attempts
        evidence.latency_ms = round((self._loop.time() - started) * 1000)
        return outcome

    async def _send_patiently(self, request: Request) -> tuple[Reply, int]:
        """Send until there is a reply, or no use in trying again; the one owner of retries."""
        attempt = 0
        while True:
            attempt += 1
            sent_at = self._loop.time()
            self._tally.requests += 1
            try:
                reply = await self._send(request)
            except GatewayError as error:
                if _is_overload(error):
                    self._flight.refused(sent_at, self._loop.time())
                wait = wait_before_retry(attempt, error.retry_after) if error.retryable else None
                if wait is None or attempt >= self._max_attempts or self._stopped is not None:
                    error.details["attempts"] = attempt
                    if error.retryable and wait is None:
                        error.message += (
                            f" (it asks to wait {error.retry_after:,.0f} s, and a query waits "
                            f"{LONGEST_WAIT:.0f} s at most)"
                        )
                    raise
                await self._pause(wait)
                if self._stopped is not None:
                    error.details["attempts"] = attempt
                    raise
            else:
                self._flight.succeeded()
                return reply, attempt

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment when the query is stopped."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._halted.wait(), seconds)

    def _take_note(self, error: GatewayError) -> None:
        """Stop what cannot succeed instead of failing a million times."""
        self._failed_in_a_row += 1
        if self._stopped is not None:
            return
        patience = HOPELESS + self._flight.limit
        nothing_ever = self._answered == 0 and (error.concerns_every_row or self._failed_in_a_row >= patience)
        nothing_now = error.concerns_every_row and self._failed_in_a_row >= patience
        if nothing_ever or nothing_now or error.ends_the_query:
            self._stopped = error
            self._halted.set()

    def _settle(self, row: int, outcome: Outcome) -> None:
        self._outcomes[row] = outcome
        self._count(outcome, self._shares[row])

    def _count(self, outcome: Outcome, rows: int) -> None:
        self._tally.done += rows
        if outcome.failed:
            self._tally.failed += rows
        self._report(self._tally)


def _is_overload(error: GatewayError) -> bool:
    return isinstance(error, (RateLimitedError, TimedOutError)) or (
        isinstance(error, ServerFaultError) and error.status in (503, 529)
    )
