"""Cancel a batch at the provider, or forget one that the provider does not have."""

from __future__ import annotations

import tempfile
import time

from ..errors import GatewayError, InvalidResponseError, NotFoundError, StatusError
from ..foreign_text import as_id
from ..gateway.client import Gateway
from ..gateway.config import GatewayConfig
from .journal import Batch, BatchJournal
from .provider import ENDED, BatchProvider, oddity_of
from .results import has_lines
from .submission import Submission
from .waiting import is_missing

_ASKED_AGAIN = "its rows are asked, and paid, again"


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
    names = ", ".join(batch.name for batch in known if batch.stage != "closed")
    said = f"open ones: {names}" if names else "none is open"
    raise NotFoundError(f"there is no batch {as_id(identity) or 'without a name'}; {said}")


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
    if batch.stage == "closed":
        return f"batch {batch.name} has ended already ({batch.status or batch.said or 'closed'})"
    if batch.stage in ("intended", "uploaded"):
        _close(batch, journal, "it was cancelled before it was started")
        return f"batch {batch.name} was never started, and nothing is to be paid"
    async with Gateway(config) as gateway:
        provider = BatchProvider(gateway)
        if batch.stage == "ended":
            return await _of_ended(batch, journal, provider)
        if (
            batch.stage == "starting"
            and (settled := await _of_starting(batch, journal, provider)) is not None
        ):
            return settled
        submission = Submission(provider, journal, max_attempts=3, keeps_reasons=False)
        return await _of_running(batch, journal, provider, submission)


async def _of_starting(batch: Batch, journal: BatchJournal, provider: BatchProvider) -> str | None:
    """Find a batch that was perhaps started; return what became of it if there is nothing to cancel."""
    try:
        found = await provider.find_batch(batch.nonce, batch.file_id)
    except GatewayError as error:
        if not isinstance(error, (StatusError, InvalidResponseError)):
            raise  # the provider was not asked
        _close(batch, journal, "it was forgotten; whether the provider has it is not known")
        return f"batch {batch.name} is forgotten; the provider has no list of batches that could tell"
    if found is None:
        _close(batch, journal, "it was not at the provider")
        return f"batch {batch.name} is not at the provider, and is forgotten; nothing is to be paid"
    journal.update(batch, stage="running", batch_id=str(found["id"]))
    return None


async def _of_running(
    batch: Batch, journal: BatchJournal, provider: BatchProvider, submission: Submission
) -> str:
    """End a batch, or forget one of which nothing more can be had."""
    try:
        found = await provider.cancel(str(batch.batch_id))
    except StatusError as error:
        if is_missing(error):
            _close(batch, journal, "the provider did not have it any more")
            return f"batch {batch.name} is not at the provider, and is forgotten; {_ASKED_AGAIN}"
        found = await provider.look(str(batch.batch_id))
        if oddity_of(found) is None and found["status"] not in ENDED:
            raise
    submission.note(batch, found)
    if (oddity := oddity_of(found)) is not None:
        _close(batch, journal, oddity)
        return f"batch {batch.name} is forgotten ({oddity}); {_ASKED_AGAIN}"
    return (
        f"batch {batch.name} is {batch.status}; it may take minutes, and lines that were answered before are "
        "paid: run its statement again to fetch them"
    )


async def _of_ended(batch: Batch, journal: BatchJournal, provider: BatchProvider) -> str:
    """Forget a batch that has ended, if the provider does not have its answers any more."""
    lacks_answers = True
    ended = f"batch {batch.name} has ended already ({batch.status or batch.said or 'closed'})"
    try:
        for file_id in (batch.output_file, batch.error_file):
            if file_id is not None:
                with tempfile.TemporaryFile() as file:
                    await provider.download(file_id, file)
                    lacks_answers = lacks_answers and not has_lines(file)
    except GatewayError as error:
        if not is_missing(error):
            raise
        lacks_answers = True
    if lacks_answers:
        _close(batch, journal, "the provider did not have its answers any more")
        return f"{ended}, and has no answers; it is forgotten, and {_ASKED_AGAIN}"
    return f"{ended}; run its statement again to fetch its answers"


def _close(batch: Batch, journal: BatchJournal, said: str) -> None:
    journal.update(batch, stage="closed", said=said, ended_at=time.time())
