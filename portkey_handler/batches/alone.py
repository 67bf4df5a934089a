"""The lock of an engine's batches: no two queries start batches for the same rows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..foreign_text import logger_of
from ..storage.private_files import GIVE_UP_SECONDS, TELL_SECONDS, make_private, open_private, try_lock

logger = logger_of(__name__)

#: Seconds between two tries to get the lock.
_BETWEEN_TRIES = 0.05


class HeldError(Exception):
    """Another process holds the lock, and the query does not wait for that."""


@asynccontextmanager
async def alone(folder: Path, scope: str, *, waits: bool) -> AsyncIterator[None]:
    """Hold the lock inside the block; wait for it, as the other process may upload large files.

    Args:
        folder: The folder of the batches. A missing one is made.
        scope: The fingerprint of the engine.
        waits: Whether to wait for more than a minute.

    Raises:
        HeldError: Another process has held the lock for a minute.
        OSError: The lock file cannot be opened.
    """
    make_private(folder.parent, folder)
    path = folder / f"{scope}.lock"
    descriptor = open_private(path)
    try:
        await _acquire(descriptor, path, waits=waits)
        yield
    finally:
        os.close(descriptor)  # which releases the lock


async def _acquire(descriptor: int, path: Path, *, waits: bool) -> None:
    loop = asyncio.get_running_loop()
    since, is_told = loop.time(), False
    while not try_lock(descriptor):
        waited = loop.time() - since
        if waited > GIVE_UP_SECONDS and not waits:
            raise HeldError
        if waited > TELL_SECONDS and not is_told:
            is_told = True
            logger.warning(
                "waiting for another process, which starts batches of the same engine and holds %s; if it is "
                "stopped (lsof shows it), end it",
                path,
            )
        await asyncio.sleep(_BETWEEN_TRIES)
