"""Look at the batches of a query until they have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import GatewayError, StatusError
from .journal import Batch
from .provider import BatchProvider, oddity_of
from .submission import Submission

#: Seconds between two looks at a batch: the first, how they grow, the longest.
FIRST_LOOK, GROWTH, LONGEST_LOOK = 5.0, 1.5, 60.0
#: Seconds for which the provider may not answer such looks, before the rows fail.
LONGEST_SILENCE = 600.0
AGAIN = "run the statement again"


@dataclass(slots=True)
class Mine:
    """What of a batch is one query's.

    Attributes:
        batch: The batch.
        keys: The keys of the query's items in it.
        fault: Why they cannot be had now, or None.
        seen_at: When the batch was last seen, on the loop's clock; None: not yet.
    """

    batch: Batch
    keys: set[bytes]
    fault: str | None = None
    seen_at: float | None = None

    @property
    def is_out(self) -> bool:
        """Whether the items are still in the batch."""
        return self.batch.stage in ("starting", "running")

    @property
    def is_running(self) -> bool:
        """Whether waiting for it makes sense."""
        return self.batch.stage == "running" and self.fault is None


class Waiting:
    """Waits for batches.

    Args:
        provider: The provider's batches.
        submission: Records what is seen.
        until: The deadline, on the loop's clock, or None.
    """

    def __init__(self, provider: BatchProvider, submission: Submission, until: float | None) -> None:
        self._provider = provider
        self._submission = submission
        self._until = until
        self._loop = asyncio.get_running_loop()

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return self._until is not None and self._loop.time() >= self._until

    @property
    def left(self) -> float:
        """Seconds until the deadline; without one, for ever."""
        return float("inf") if self._until is None else self._until - self._loop.time()

    async def until_ended(self, batches: Sequence[Mine]) -> None:
        """Look at batches until they have ended, or until the deadline.

        Raises:
            StoreError: What is seen cannot be recorded.
        """
        pause = FIRST_LOOK
        while running := [mine for mine in batches if mine.is_running]:
            for mine in running:
                await self.look(mine)
            if self.is_late:
                return
            if any(mine.is_running for mine in running):
                await asyncio.sleep(max(0.0, min(pause, self.left)))
                pause = min(LONGEST_LOOK, pause * GROWTH)

    async def look(self, mine: Mine) -> None:
        """Look at a batch once; one that cannot be seen for long has a fault.

        Raises:
            StoreError: What is seen cannot be recorded.
        """
        now = self._loop.time()
        if mine.seen_at is None:
            mine.seen_at = now
        try:
            found = await self._provider.look(str(mine.batch.batch_id))
        except GatewayError as error:
            if not error.retryable or now - mine.seen_at > LONGEST_SILENCE:
                mine.fault = f"{error.message}; {AGAIN} to go on waiting{unless_gone(error, mine.batch)}"
            return
        self._submission.note(mine.batch, found)
        if (oddity := oddity_of(found)) is None:
            mine.seen_at = now
        elif now - mine.seen_at > LONGEST_SILENCE:
            mine.fault = (
                f"of batch {mine.batch.name} the provider says: {oddity}; {AGAIN}, or {forget(mine.batch)}"
            )


def unless_gone(error: GatewayError, batch: Batch) -> str:
    """Return the further remedy for what the provider does not have, or nothing."""
    return f"; if it is gone, {forget(batch)}" if is_missing(error) else ""


def is_missing(error: GatewayError) -> bool:
    """Return whether a provider says that it does not have what was asked for."""
    return isinstance(error, StatusError) and error.status in (404, 410)


def forget(batch: Batch) -> str:
    """Return how a user forgets a batch."""
    return f"portkey-handler batches --cancel {batch.name} forgets it"
