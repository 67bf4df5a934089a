"""Items to outcomes, in order: many in flight, equal items asked once, kept answers not asked again.

What another query is asking at this moment is put aside, and looked at again while the other rows are asked.

Knows nothing of language models, tables or SQL. Rows are pulled from an iterator by as many workers as the
flight allows, so that a million rows never become a million tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import CostReachedError, GatewayError
from ..records import Answer, Evidence, Item, Outcome, Request, Response, Skipped
from .circuit_breaker import CircuitBreaker
from .concurrency import AdaptiveConcurrency
from .in_flight_elsewhere import AGAIN, InFlightElsewhere
from .retry import QueryStopped, RetryingSender, Send

Operation = Callable[[Sequence[Item]], Generator[Request, Response, Sequence[Answer | GatewayError]]]

#: Seconds in which requests that are in flight may still be answered when the query ends early.
LANDING = 5.0
#: Rows settled without waiting before other tasks get their turn.
_TURN = 1000


class Cache(Protocol):
    """Keeps answers from one query to the next."""

    def claim(self, key: bytes) -> bool:
        """Take an item until its outcome is safe, unless it is kept; False: another query asks it now."""
        ...

    def kept(self, key: bytes) -> Outcome | None:
        """Return the outcome kept for an item, or None."""
        ...

    def keep(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
        """Take outcomes to keep; they are safe when `flush` returns."""
        ...

    def flush(self) -> None:
        """Put on disk what was taken; return at once where nothing was."""
        ...


@dataclass(slots=True)
class Counts:
    """What happened so far, in rows unless said otherwise.

    Attributes:
        total: All there are.
        done: Those with an outcome.
        failed: Those among them that should have an answer and have none.
        kept: Those answered by an earlier query.
        copies: Those that share the answer of an equal one.
        unasked: Those with nothing to ask.
        requests: Requests sent, retries included.
        flight: How many requests may be in flight now.
    """

    total: int
    done: int = 0
    failed: int = 0
    kept: int = 0
    copies: int = 0
    unasked: int = 0
    requests: int = 0
    flight: int = 0


@dataclass(frozen=True, slots=True)
class MapResult:
    """The end of a run.

    Attributes:
        outcomes: One per row, in the rows' order; equal items share one.
        tally: The counts.
        stopped: What stopped the run before its end, or None. Rows that were not asked say so.
        left: How many items were asked in vain, or not asked because the run ended. Of the latter nobody
            knows which are equal, kept, or have nothing to ask, so that it is the most there can be.
        items: How many items there are, likewise.
    """

    outcomes: list[Outcome]
    tally: Counts
    stopped: GatewayError | CostReachedError | None
    left: int = 0
    items: int = 0


class Mapper:
    """Runs one operation over rows, once.

    Args:
        operation: Makes requests from items that are asked together, and answers from replies; a generator
            that yields a request and receives its reply, or has the failure thrown into it.
        send: Sends one request once; raises `GatewayError`.
        concurrency: The flight asked for, or None.
        timeout: Seconds that one attempt may take; `send` sees to it. For so long an item is waited for that
            another query is asking.
        max_attempts: How often one request is tried.
        together: How many items are asked together at most.
        deduplicate: Ask equal items once.
        deadline: Seconds after which no request is sent any more, or None.
        keeper: Keeps answers, or None.
        remember: What of an outcome is carried to the end of the run, which for a million rows matters.
        halted: Set when nothing is to be sent any more, for those who share it.
        observe: Called with each item's outcome and the first of its rows, before it is kept; must be quick.
    """

    def __init__(
        self,
        operation: Operation,
        send: Send,
        *,
        concurrency: int | None,
        timeout: float,
        max_attempts: int,
        together: int = 1,
        deduplicate: bool,
        deadline: float | None = None,
        keeper: Cache | None = None,
        remember: Callable[[Outcome], Outcome] = lambda outcome: outcome,
        halted: asyncio.Event | None = None,
        observe: Callable[[int, Outcome], None] = lambda _row, _outcome: None,
    ) -> None:
        self._operation = operation
        self._send = send
        self._flight = AdaptiveConcurrency(concurrency, timeout)
        self._max_attempts = max_attempts
        self._together = together
        self._deduplicate = deduplicate
        self._deadline = deadline
        self._keeper = keeper
        self._remember = remember
        self._observe = observe
        self._workers: set[asyncio.Task[None]] = set()
        self.tally = Counts(0)
        self._begun = False
        self._exhausted = False
        # Whether one of the workers waits for other queries, all rows having been pulled.
        self._waiting = False
        self._elsewhere = InFlightElsewhere(timeout)
        # Filled by whichever worker has its turn, so that one request at most is not full.
        self._group: list[tuple[int, Item]] = []
        self._patience = CircuitBreaker()
        self._stopped: GatewayError | CostReachedError | None = None
        self._halted = halted or asyncio.Event()

    async def run(self, rows: Iterable[Item | Skipped], total: int) -> MapResult:
        """Answer every row.

        When it is cancelled, no further request is sent, those in flight may land for `LANDING` seconds, and
        the cancellation goes on.

        Args:
            rows: What to ask, or why not, per row; pulled as the flight allows.
            total: How many rows there are.
        """
        self.tally = Counts(total)
        self._outcomes: list[Outcome | None] = [None] * total
        self._first_of: dict[bytes, int] = {}
        # Which row each row's outcome is taken from; 8 bytes a row, where a dict would be 100.
        self._source = array("q", range(total))
        self._shares = array("q", [1]) * total
        self._loop = asyncio.get_running_loop()
        self._sender = RetryingSender(self._send, self._flight, self._max_attempts, self._halted)
        self._pull = self._rows_to_ask(rows)
        self._begun = True
        try:
            in_time = await self._finish(self._deadline)
            if not in_time:
                self._halted.set()
                await self._finish(LANDING)
        except asyncio.CancelledError:
            self._halted.set()
            await self._finish(LANDING)
            raise
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
        self.now()
        late = self._deadline is not None and not in_time and self._stopped is None
        reason = f"deadline = {self._deadline:g} s passed" if late else "the query was stopped"
        unasked = Outcome(reason=f"not asked: {reason}", failed=True)
        outcomes = [self._outcomes[source] or unasked for source in self._source]
        # What is reached by the last answers leaves nothing out.
        whole = isinstance(self._stopped, CostReachedError) and self.tally.done == self.tally.total
        return MapResult(outcomes, self.tally, None if whole else self._stopped, *self._left())

    def _left(self) -> tuple[int, int]:
        """Count the items that are left to be answered, and all of them."""
        if self.tally.done == self.tally.total and not self.tally.failed:
            return 0, self.tally.total - self.tally.copies - self.tally.unasked
        left = items = 0
        for row, (source, outcome) in enumerate(zip(self._source, self._outcomes, strict=True)):
            if source != row:
                continue
            if outcome is None:
                left += 1
                items += 1
            elif outcome.evidence is not None:
                left += outcome.failed
                items += 1
        return left, items

    async def _finish(self, seconds: float | None) -> bool:
        """Work until all is done, and say so; or for that many seconds."""
        until = None if seconds is None else self._loop.time() + seconds
        self._fill_flight()
        while self._workers:
            if self._stopped is not None and until is None:
                until = self._loop.time() + LANDING
            left = None if until is None else max(0.0, until - self._loop.time())
            done, _ = await asyncio.wait(self._workers, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return False
            for worker in done:
                self._workers.discard(worker)
                worker.result()  # a defect in here must not be swallowed
            self._fill_flight()
        return True

    def _rows_to_ask(self, rows: Iterable[Item | Skipped]) -> Iterator[tuple[int, Item] | float]:
        """Give the rows that need a request; now and then the seconds for which others have their turn."""
        copies: dict[bytes, int] = {}
        for row, item in enumerate(rows):
            if row % _TURN == _TURN - 1:
                yield 0.0
            if self._elsewhere:
                yield from self._rows_asked_elsewhere()
            if isinstance(item, Skipped):
                unasked = Outcome(reason=item.reason, failed=item.failed)
                self.tally.unasked += not item.failed
                self._observe(row, unasked)
                self._settle(row, unasked)
                continue
            if not self._deduplicate:
                # The k-th of equal rows is an item of its own.
                copy = copies[item.key] = copies.get(item.key, -1) + 1
                item = Item(item.key + copy.to_bytes(8, "big"), item.payload)  # noqa: PLW2901
            elif (first := self._first_of.setdefault(item.key, row)) != row:
                self._share(row, first)
                continue
            if self._is_to_ask(row, item):
                yield row, item
        while self._elsewhere:
            yield from self._rows_asked_elsewhere()
            if self._elsewhere:
                yield AGAIN

    def _share(self, row: int, first: int) -> None:
        """Let a row have the outcome of an equal one before it."""
        self._source[row] = first
        self.tally.copies += 1
        settled = self._outcomes[first]
        if settled is None:
            self._shares[first] += 1
        else:
            self._count(settled, 1)

    def _rows_asked_elsewhere(self) -> Iterator[tuple[int, Item] | float]:
        """Look again at rows that other queries were asking, and give those that need a request after all."""
        for looked, (row, item, since) in enumerate(self._elsewhere.due(self._loop.time())):
            if looked % _TURN == _TURN - 1:
                yield 0.0
            if self._is_to_ask(row, item, since):
                self._fill_flight()  # which workers have left while there was nothing to ask
                yield row, item

    def _is_to_ask(self, row: int, item: Item, since: float | None = None) -> bool:
        """Settle a row whose answer is kept, put aside what another query is asking, and say what is left."""
        if self._keeper is None:
            return True
        if not self._keeper.claim(item.key):
            now = self._loop.time()
            return not self._elsewhere.put(row, item, now if since is None else since, now)
        kept = self._keeper.kept(item.key)
        if kept is None:
            return True
        self._observe(row, kept)
        self._settle(row, kept)
        return False

    def now(self) -> Counts:
        """Return the counts as they are at this moment."""
        if self._begun:
            self.tally.requests = self._sender.requests
            self.tally.flight = self._flight.limit
        return self.tally

    def stop(self, reason: GatewayError | CostReachedError) -> None:
        """Send nothing more, and end the run with this reason; what is in flight may land."""
        if self._stopped is None:
            self._stopped = reason
            self._halted.set()

    def _fill_flight(self) -> None:
        while (
            not (self._exhausted or self._waiting or self._halted.is_set())
            and len(self._workers) < self._flight.limit
        ):
            self._workers.add(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        for pulled in self._pull:
            if isinstance(pulled, float):
                if not await self._go_on_after(pulled):
                    return
                continue
            self._group.append(pulled)
            if len(self._group) < self._together:
                continue
            if not await self._finish_group(self._taken_group()):
                return
            if self._halted.is_set() or len(self._workers) > self._flight.limit:
                return
        self._exhausted = True
        if self._group:
            await self._finish_group(self._taken_group())

    async def _go_on_after(self, seconds: float) -> bool:
        """Let others have their turn, and say whether to go on."""
        if not seconds:
            await asyncio.sleep(0)
        elif self._group:
            # Nobody is to wait for what nobody is sending.
            await self._finish_group(self._taken_group())
        elif self._waiting:
            return False  # one is enough to wait
        else:
            self._waiting = True
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._halted.wait(), seconds)
            self._waiting = False
        return not self._halted.is_set()

    def _taken_group(self) -> list[tuple[int, Item]]:
        """Take the rows that are to be asked together; the next ones make another group."""
        group, self._group = self._group, []
        return group

    async def _finish_group(self, group: Sequence[tuple[int, Item]]) -> bool:
        """Ask items together and settle their rows; say whether they were asked."""
        try:
            outcomes = await self._answer([item for _, item in group])
        except QueryStopped:
            return False
        answered = [(row, item.key, made) for (row, item), made in zip(group, outcomes, strict=True)]
        for row, _, made in answered:
            self._observe(row, made)
        if self._keeper is not None:
            self._keeper.keep([(key, made) for _, key, made in answered])
            # Whoever was answered in the same turn of the loop is kept in the same commit. The slot is not
            # free before: a kill costs what was in flight, and no more.
            try:
                await asyncio.sleep(0)
            finally:
                self._keeper.flush()
        for row, _, made in answered:
            self._settle(row, made)
        self._fill_flight()
        return True

    async def _answer(self, items: Sequence[Item]) -> list[Outcome]:
        started = self._loop.time()
        attempts = 0
        answers: Sequence[Answer | GatewayError]
        try:
            steps = self._operation(items)
            request = next(steps)
            while True:
                try:
                    reply = await self._sender(request)
                except GatewayError as error:
                    attempts += error.details.get("attempts", 1)
                    request = steps.throw(error)
                except QueryStopped:
                    if not attempts:
                        raise
                    # What was answered of them before is paid, and must come out.
                    request = steps.throw(GatewayError("not asked: the query was stopped", attempts=0))
                else:
                    attempts += reply.attempts
                    request = steps.send(reply)
        except StopIteration as stop:
            answers = stop.value
        except GatewayError as error:
            answers = [error] * len(items)
        ending = self._patience.judge(answers, flight=self._flight.limit, kept=self.tally.kept)
        if ending is not None:
            self.stop(ending)
        milliseconds = round((self._loop.time() - started) * 1000)
        return [self._outcome(answer, attempts, milliseconds) for answer in answers]

    def _outcome(self, answer: Answer | GatewayError, attempts: int, milliseconds: int) -> Outcome:
        if isinstance(answer, Answer):
            evidence = answer.evidence
            outcome = Outcome(answer.value, answer.reason, evidence, failed=answer.reason is not None)
        else:
            evidence = answer.evidence if isinstance(answer.evidence, Evidence) else Evidence()
            evidence.status = answer.status
            outcome = Outcome(None, answer.message, evidence, failed=True)
        # An operation that asks several items together may know better which requests were for whom.
        evidence.attempts = evidence.attempts or attempts
        evidence.latency_ms = milliseconds
        return outcome

    def _settle(self, row: int, outcome: Outcome) -> None:
        self._outcomes[row] = self._remember(outcome)
        self._count(outcome, self._shares[row])

    def _count(self, outcome: Outcome, rows: int) -> None:
        tally = self.tally
        tally.done += rows
        if outcome.failed:
            tally.failed += rows
        elif outcome.evidence is not None and outcome.evidence.kept_from is not None:
            tally.kept += rows
