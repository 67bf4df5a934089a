"""Fetch the answers of a batch that has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from ..errors import GatewayError, InvalidResponseError
from ..execution.backoff import backoff
from .journal import Batch
from .provider import BatchProvider
from .results import Results
from .waiting import AGAIN, forget, unless_gone


async def fetch(
    batch: Batch, keys: Collection[bytes], provider: BatchProvider, results: Results, max_attempts: int
) -> str | None:
    """Download the files of a batch; return why that cannot be done now, or None.

    Args:
        batch: The batch.
        keys: The keys of the items whose lines are wanted.
        provider: The provider's files.
        results: Where the lines go.
        max_attempts: How often one file is tried.

    Raises:
        FileError: A file cannot be written.
    """
    for file_id in (batch.output_file, batch.error_file):
        for attempt in range(1, max_attempts + 1):
            if file_id is None:
                break
            try:
                with results.writing(batch.name, keys, may_break_off=attempt == max_attempts) as file:
                    await provider.download(file_id, file)
                break
            except GatewayError as error:
                if not error.retryable or attempt == max_attempts:
                    return _fault(batch, error)
            await asyncio.sleep(backoff(attempt, None) or 0.0)
    if batch.done and not results.has_lines_of(batch.name):
        # They are paid for: sent directly, all of them would be paid again.
        lacking = InvalidResponseError(f"none of its {batch.done:,} answered lines is there")
        return f"{_fault(batch, lacking)}, or {forget(batch)}"
    return None


def _fault(batch: Batch, error: GatewayError) -> str:
    why = f"the answers of batch {batch.name} cannot be fetched: {error.message}"
    return f"{why}; {AGAIN} to try again{unless_gone(error, batch)}"
