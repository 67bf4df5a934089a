"""Start a batch once: what is done before each request, and after one whose answer was lost.

Only starting a batch costs money. So it is on disk that the request is going to be sent; and after a lost
answer, or a kill, the provider's list of batches is read before another is sent. A provider without a list
ends it: nothing tells whether the batch was started.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..errors import GatewayError, RateLimitError, StatusError
from ..execution.backoff import LONGEST_WAIT, backoff
from ..foreign_text import as_name, logger_of
from .journal import Batch, BatchJournal
from .provider import ENDED, LONGEST_SAID, BatchProvider, counts_of, file_in, oddity_of, words_of

logger = logger_of(__name__)

_Result = TypeVar("_Result")

#: Seconds for which a batch that was just started may be missing in the provider's list.
SETTLING = 5.0


class PerhapsPaidTwiceError(GatewayError):
    """Whether a batch was started cannot be found out, so that another one could be paid beside it."""


class Submission:
    """Starts the batches of one query.

    Args:
        provider: The provider's files and batches.
        journal: The records of the batches.
        max_attempts: How often one request is tried.
        keeps_reasons: Whether the provider's words about a failed batch are written to disk.
    """

    def __init__(
        self,
        provider: BatchProvider,
        journal: BatchJournal,
        max_attempts: int,
        *,
        keeps_reasons: bool,
    ) -> None:
        self._provider = provider
        self._journal = journal
        self._max_attempts = max_attempts
        self._keeps_reasons = keeps_reasons

    async def submit(self, batch: Batch, content: bytes, *, is_new: bool) -> None:
        """Upload the lines of a batch that was intended, and start it.

        Args:
            batch: Its record, intended or uploaded.
            content: Its lines.
            is_new: No earlier query has intended it, so nothing of it can be at the provider.

        Raises:
            GatewayError: It was not started, or that is not known; its record says which.
            StoreError: The record cannot be written.
        """
        if batch.file_id is None:
            found = None if is_new else await self._file_of(batch)
            file_id = found or await self._upload(batch, content)
            self._journal.update(batch, stage="uploaded", file_id=file_id)
        await self.start(batch)

    async def start(self, batch: Batch) -> None:
        """Start a batch whose file is uploaded; where it may have been started before, find it.

        Raises:
            GatewayError: It was not started, or that is not known; its record says which.
            StoreError: The record cannot be written.
        """
        if batch.stage == "starting":
            if (found := await self._find(batch, is_settled=False)) is not None:
                self._adopt(batch, found)
                return
        else:
            self._journal.update(batch, stage="starting")
        for attempt in range(1, self._max_attempts + 1):
            try:
                self._adopt(batch, await self._provider.start(batch.nonce, str(batch.file_id), batch.path))
                return
            except GatewayError as error:
                failure = error
            if not failure.retryable and not isinstance(failure, StatusError):
                raise failure  # whether it was started is not known; the next query reads the list
            if not failure.retryable:
                # The provider has refused it.
                said = failure.message[:LONGEST_SAID] if self._keeps_reasons else None
                self._journal.update(batch, stage="closed", said=said, ended_at=time.time())
                raise failure
            if not _was_surely_not_done(failure):
                await self._pause(attempt, failure)
                if (found := await self._find(batch, is_settled=False)) is not None:
                    self._adopt(batch, found)
                    return
            elif attempt < self._max_attempts:
                await self._pause(attempt, failure)
        raise failure.replace(attempts=self._max_attempts)

    def note(self, batch: Batch, found: dict[str, Any]) -> None:
        """Record what the provider says of a batch.

        Raises:
            StoreError: The record cannot be written.
        """
        done, failed = counts_of(found)
        status = as_name(found["status"]) or ""
        has_ended = status in ENDED and oddity_of(found) is None
        changes: dict[str, Any] = {
            "status": status,
            "done": done,
            "failed": failed,
            "looked_at": time.time(),
        }
        if has_ended:
            changes |= {
                "stage": "ended",
                "output_file": file_in(found, "output_file_id"),
                "error_file": file_in(found, "error_file_id"),
                "said": words_of(found) if self._keeps_reasons else None,
                "ended_at": batch.ended_at or time.time(),
            }
        self._journal.update(batch, **changes)
        if has_ended:
            batch.said = words_of(found)

    async def _upload(self, batch: Batch, content: bytes) -> str:
        """Upload a file, and return its id.

        One that may be there already is looked for. Where that is not possible, a second one does no harm,
        because files cost nothing.
        """
        for attempt in range(1, self._max_attempts + 1):
            try:
                return await self._provider.upload(batch.nonce, content)
            except GatewayError as error:
                if not error.retryable:
                    raise
                failure = error
            await self._pause(attempt, failure)
            if _was_surely_not_done(failure):
                continue
            if (found := await self._file_of(batch)) is not None:
                return found
        raise failure.replace(attempts=self._max_attempts)

    async def _file_of(self, batch: Batch) -> str | None:
        """Return the file of a batch that is at the provider already; None where its list has none."""
        try:
            return await self._patiently(lambda: self._provider.find_file(batch.nonce))
        except GatewayError as error:
            logger.info("the provider's files cannot be listed: %s", error.message)
            return None

    def _adopt(self, batch: Batch, found: dict[str, Any]) -> None:
        self._journal.update(batch, stage="running", batch_id=str(found["id"]))
        self.note(batch, found)

    async def _find(self, batch: Batch, *, is_settled: bool) -> dict[str, Any] | None:
        """Return a batch that may have been started, from the provider's list; None if it was not.

        Raises:
            PerhapsPaidTwiceError: The list cannot be read.
        """
        try:
            found = await self._patiently(lambda: self._provider.find_batch(batch.nonce, batch.file_id))
        except GatewayError as error:
            raise PerhapsPaidTwiceError(
                f"the answer to the request that starts the batch {batch.nonce} was lost, and the provider's "
                f"batches cannot be listed ({error.message}), so another one would perhaps be paid twice; "
                "look for it in the provider's own page: if it is not there, portkey-handler batches "
                f"--cancel {batch.nonce} forgets it",
                attempts=error.attempts,
            ) from None
        if found is None and not is_settled:
            # A list may lag behind.
            await asyncio.sleep(SETTLING)
            return await self._find(batch, is_settled=True)
        return found

    async def _patiently(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """Ask until there is an answer, or until trying again is no use.

        Raises:
            GatewayError: There is none.
        """
        for attempt in range(1, self._max_attempts):
            try:
                return await ask()
            except GatewayError as error:
                if not error.retryable:
                    raise
                failure = error
            await self._pause(attempt, failure)
        return await ask()

    async def _pause(self, attempt: int, failure: GatewayError) -> None:
        await asyncio.sleep(backoff(attempt, failure.retry_after) or LONGEST_WAIT)


def _was_surely_not_done(failure: GatewayError) -> bool:
    return failure.cannot_connect or isinstance(failure, RateLimitError)
