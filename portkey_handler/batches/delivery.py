"""The batches of one query: which rows are in which batch, starting what is missing, waiting, collecting.

A query does not send a row that an open batch of the same engine has, whoever started it. So a statement that
was killed, that ended at its deadline, or that runs in another process goes on where the other has stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import replace
from pathlib import Path

from ..errors import GatewayError, StoreError
from ..foreign_text import logger_of
from ..gateway.client import Gateway
from ..records import Item, Outcome, Request, Response, Skipped
from .alone import HeldError, alone
from .delivery_options import DeliveryOptions
from .fetching import fetch
from .journal import Batch, BatchJournal
from .lines import LinesFile
from .provider import BatchProvider
from .results import Results
from .sorting import Sorter
from .submission import Submission
from .waiting import AGAIN, Mine, Waiting

logger = logger_of(__name__)

Steps = Generator[Request, Response, Sequence["Outcome | GatewayError"]]
Ask = Callable[[Sequence[Item]], Steps]


class Delivery:
    """Has the rows of one query answered in batches.

    Args:
        options: What the query asks of them.
        folder: The folder of the data.
        gateway: The connections to the gateway.
        ask: The operation.
        has: Returns whether an item's answer is cached.

    Attributes:
        out: How many distinct items are still in a batch, or may be.
        is_done: Whether nothing is waited for any more.
    """

    def __init__(
        self,
        options: DeliveryOptions,
        folder: Path,
        gateway: Gateway,
        ask: Ask,
        has: Callable[[bytes], bool],
    ) -> None:
        self._options = options
        self._folder = folder / "batches"
        self._provider = BatchProvider(gateway)
        self._journal = BatchJournal(folder)
        self._submission = Submission(
            self._provider, self._journal, options.max_attempts, keeps_reasons=options.keeps_reasons
        )
        self._results = Results(self._folder, gateway, options.provider)
        self._ask = ask
        self._has = has
        self._mine: dict[str, Mine] = {}
        # Why an item has no answer now, by its key; and the items whose lines have come to an end.
        self._reasons: dict[bytes, str] = {}
        self._settled: set[bytes] = set()
        self._unsorted: str | None = None  # why items that were not even sorted have no answer
        now = asyncio.get_running_loop().time()
        until = None if options.deadline is None else now + options.deadline
        self._waiting = Waiting(self._provider, self._submission, until)
        self.out = 0
        self.is_done = False

    async def run(self, items: Iterable[Item | Skipped]) -> None:
        """Put the items into batches that are in none yet, wait for all batches, and collect them.

        Raises:
            StoreError: The record of the batches cannot be used; nothing was sent without one.
            FileError: The answers cannot be written.
        """
        await self._start(items)
        if self._options.waits:
            await self._waiting.until_ended([*self._mine.values()])
        for mine in self._mine.values():
            await self._collect(mine)
        self.out = sum(mine.is_out * len(mine.keys) for mine in self._mine.values())
        self.is_done = True

    @property
    def lines(self) -> tuple[int, int]:
        """How many lines of the batches are answered or have failed, and how many there are."""
        batches = [mine.batch for mine in self._mine.values()]
        return sum(one.done + one.failed for one in batches), sum(one.lines for one in batches)

    @property
    def interrupted(self) -> str:
        """What to say when the query is interrupted while it waits."""
        names = [mine.batch.name for mine in self._mine.values() if mine.is_running]
        if not names:
            return f"interrupted before a batch was started; {AGAIN}"
        done, total = self.lines
        return (
            f"interrupted; {done:,} of {total:,} lines of its batches are done, and "
            f"they go on: {AGAIN} to fetch them, or portkey-handler batches --cancel {names[0]}"
        )

    def rows(self, items: Iterable[Item | Skipped]) -> Iterator[Item | Skipped]:
        """Yield the items of all rows; for one without an answer, why it cannot be sent now."""
        for item in items:
            reason = None if isinstance(item, Skipped) else self._reason_of(item.key)
            yield item if reason is None else Skipped(reason, failed=True)

    def _reason_of(self, key: bytes) -> str | None:
        reason = self._reasons.get(key)
        if reason is None and self._unsorted is not None and key not in self._results and not self._has(key):
            self._reasons[key] = reason = self._unsorted
            self.out += 1
        return reason

    def ask(self, items: Sequence[Item]) -> Steps:
        """Run the operation on an item, whose first response is the one of its batch, if it has one.

        What comes after it, such as a repair, is sent, but not after the deadline.
        """
        key = items[0].key
        steps = self._ask(items)
        was_late = False
        try:
            request = next(steps)
            known = self._results.of(key, request.body)
            if known is not None:
                request = replace(request, known=known)
            while True:
                try:
                    if known is None and self._waiting.is_late:
                        was_late = True
                        raise GatewayError(self._too_late, attempts=0)
                    known = None
                    response = yield request
                except GatewayError as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(response)
        except StopIteration as stop:
            found: Sequence[Outcome | GatewayError] = stop.value
            if not was_late:
                self._settled.add(key)
            return found
        except GatewayError:
            if not was_late:
                self._settled.add(key)
            raise

    def finish(self) -> None:
        """Record what was delivered: it is in the answer cache, or a later query asks it again."""
        for mine in self._mine.values():
            if mine.batch.stage == "ended" and mine.fault is None:
                self._deliver(mine.batch, mine.keys & (self._settled | self._reasons.keys()))

    def close(self) -> None:
        """Close the files of the answers."""
        self._results.close()

    @property
    def _too_late(self) -> str:
        return f"not asked: deadline = {self._options.deadline:g} s passed"

    async def _start(self, items: Iterable[Item | Skipped]) -> None:
        """Put the items into batches before the deadline; what is then in none has a reason."""
        try:
            left = None if self._options.deadline is None else max(0.0, self._waiting.left)
            await asyncio.wait_for(self._submit(items), left)
        except HeldError:
            self._unsorted = f"not asked: another process starts batches of this engine; {AGAIN}"
        except asyncio.TimeoutError:
            # As after a kill: the records tell what may have been started.
            self._unsorted = f"{self._too_late} before the row was put into a batch; {AGAIN}"
            for mine in self._mine.values():
                if mine.batch.stage in ("intended", "uploaded", "starting"):
                    mine.fault = self._unsorted

    async def _submit(self, items: Iterable[Item | Skipped]) -> None:
        """Find the batch of every item, and start batches for those that are in none, alone."""
        try:
            async with alone(self._folder, self._options.scope, waits=self._options.waits):
                await self._sort(items)
        except OSError as error:
            raise self._journal.unusable(error) from error

    async def _sort(self, items: Iterable[Item | Skipped]) -> None:
        opened = {one.nonce: one for one in self._journal.open_in(self._options.scope)}
        sorter = Sorter([*opened.values()], self._has, self._first_request)
        async for file in sorter.files(items):
            await self._begin(file, sorter.begun)
        for batch in sorter.begun.values():
            await self._forget(batch)
        for nonce, keys in sorter.cached.items():
            self._deliver(opened[nonce], keys)
        for nonce, keys in sorter.held.items():
            mine = self._mine[nonce] = Mine(opened[nonce], keys)
            if mine.batch.stage == "starting":
                await self._guarded(mine, self._submission.start(mine.batch))

    def _first_request(self, item: Item) -> Request:
        steps = self._ask([item])
        try:
            return next(steps)
        finally:
            steps.close()

    async def _begin(self, file: LinesFile, begun: dict[bytes, Batch]) -> None:
        """Start the batch of a file, where it was begun before from where that has ended."""
        options, digest = self._options, file.digest
        batch = begun.pop(digest, None)
        is_new = batch is None
        if batch is None:
            batch = self._journal.intend(
                engine=options.engine,
                model=options.model,
                asked=options.asked,
                scope=options.scope,
                path=file.path,
                digest=digest,
                size=file.size,
                keys=file.keys,
            )
        mine = self._mine[batch.nonce] = Mine(batch, set(file.keys))
        await self._guarded(mine, self._submission.submit(batch, file.content, is_new=is_new))

    async def _guarded(self, mine: Mine, starting: Awaitable[None]) -> None:
        try:
            await starting
        except GatewayError as error:
            mine.fault = error.message
            logger.warning("batch %s was not started: %s", mine.batch.nonce, error.message)

    async def _forget(self, batch: Batch) -> None:
        """Close a batch that was never started, and whose rows are not those of this query."""
        self._journal.update(batch, stage="closed", said="it was never started")
        if batch.file_id is not None:
            try:
                await self._provider.delete(batch.file_id)
            except GatewayError as error:
                logger.info("the file %s is left at the provider: %s", batch.file_id, error.message)

    async def _collect(self, mine: Mine) -> None:
        """Download the answers of a batch, and say of each item without one why it has none."""
        batch = mine.batch
        if not self._options.waits and mine.is_running:
            await self._waiting.look(mine)
        if batch.stage == "ended" and mine.fault is None:
            mine.fault = await fetch(
                batch, mine.keys, self._provider, self._results, self._options.max_attempts
            )
        if mine.fault is not None:
            self._say(mine, mine.fault)
        elif mine.is_out:
            self._say(mine, self._words_of_waiting(batch))
        elif batch.status != "completed":
            why = f": {batch.said}" if batch.said else ""
            said = f"the batch {batch.name} {_ENDS.get(batch.status or '', 'has ended')} before this row was"
            self._say(mine, f"{said} answered{why}; {AGAIN} to put it into another batch")

    def _say(self, mine: Mine, reason: str) -> None:
        for key in mine.keys:
            if key not in self._results:
                self._reasons[key] = reason

    def _words_of_waiting(self, batch: Batch) -> str:
        how_far = f"{batch.done + batch.failed:,} of {batch.lines:,} lines are done"
        if self._waiting.is_late:
            return (
                f"deadline = {self._options.deadline:g} s passed, and the row is still in batch {batch.name} "
                f"({batch.status}, {how_far}); {AGAIN} to go on waiting"
            )
        return f"the row is still in batch {batch.name} ({batch.status}, {how_far}); {AGAIN} to fetch it"

    def _deliver(self, batch: Batch, keys: Collection[bytes]) -> None:
        if not keys:
            return
        try:
            self._journal.deliver(batch, keys)
        except StoreError as error:
            logger.warning("%s", error.message)


_ENDS = {"failed": "failed", "expired": "expired", "cancelled": "was cancelled"}
