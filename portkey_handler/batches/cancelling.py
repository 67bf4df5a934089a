"""Cancel a batch at the provider, or forget one that the provider does not have."""

from __future__ import annotations

import time

from ..errors import GatewayError, NotFoundError, StatusError
from ..gateway.client import Gateway
from ..gateway.config import GatewayConfig
from .journal import Batch, BatchJournal
from .provider import BatchProvider
from .submission import Submission


def find(journal: BatchJournal, identity: str) -> Batch:
    """Return the batch with this id, or this nonce.

    Raises:
        NotFoundError: There is none.
        StoreError: The records cannot be read.
    """
    known = journal.all()
    for batch in known:
        if identity in (batch.batch_id, batch.nonce):
            return batch
    names = ", ".join(batch.name for batch in known if batch.stage != "closed") or "none is open"
    raise NotFoundError(f"there is no batch {identity}; open ones: {names}")


async def cancel(batch: Batch, journal: BatchJournal, config: GatewayConfig) -> str:
    """Cancel a batch, and return in words what became of it.

    Args:
        batch: Its record.
        journal: The records.
        config: How the gateway of its engine is reached.

    Raises:
        GatewayError: The provider did not do it.
        StoreError: The record cannot be written.
    """
    if batch.stage in ("ended", "closed"):
        return f"batch {batch.name} has ended already ({batch.status or batch.said or 'closed'})"
    if batch.stage in ("intended", "uploaded"):
        _close(batch, journal, "it was cancelled before it was started")
        return f"batch {batch.name} was never started, and nothing is to be paid"
    async with Gateway(config) as gateway:
        provider = BatchProvider(gateway)
        submission = Submission(provider, journal, max_attempts=3, keeps_reasons=False)
        if batch.stage == "starting":
            try:
                found = await provider.find_batch(batch.nonce, batch.file_id)
            except GatewayError as error:
                if not isinstance(error, StatusError):
                    raise  # the provider was not asked
                _close(batch, journal, "it was forgotten; whether the provider has it is not known")
                return f"batch {batch.name} is forgotten; the provider has no list of batches that could tell"
            if found is None:
                _close(batch, journal, "it was not at the provider")
                return f"batch {batch.name} is not at the provider, and is forgotten; nothing is to be paid"
            journal.update(batch, stage="running", batch_id=str(found["id"]))
        submission.note(batch, await provider.cancel(str(batch.batch_id)))
    return (
        f"batch {batch.name} is {batch.status}; it may take minutes, and lines that were answered before are "
        "paid: run its statement again to fetch them"
    )


def _close(batch: Batch, journal: BatchJournal, said: str) -> None:
    journal.update(batch, stage="closed", said=said, ended_at=time.time())
