"""Which item of a query is in which batch: in an open one, in a file that is to be made, or in none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from ..records import Item, Request, Skipped
from .journal import Batch
from .lines import LinesFile, line_of

#: After this many rows other tasks can run, such as an interrupt.
_TURN = 1000
_NEVER_STARTED = ("intended", "uploaded")


class Sorter:
    """Sorts the items of one query.

    Args:
        opened: The open batches of the engine.
        has: Returns whether an item's answer is cached.
        request: Returns the first request of an item.

    Attributes:
        begun: Batches that were never started, by the digests of their lines. Nothing was paid for them, so
            their lines are made again, and may be the same.
        held: The items that an open batch has, by the batch's nonce.
        cached: Items that an ended batch has, and whose answers are cached meanwhile, likewise.
    """

    def __init__(
        self, opened: Sequence[Batch], has: Callable[[bytes], bool], request: Callable[[Item], Request]
    ) -> None:
        begun = [one for one in opened if one.stage in _NEVER_STARTED]
        self.begun = {one.digest: one for one in begun}
        self.held: dict[str, set[bytes]] = {}
        self.cached: dict[str, set[bytes]] = {}
        started = [one for one in opened if one.stage not in _NEVER_STARTED]
        self._holders = {key: one for one in started for key in one.keys}
        self._has = has
        self._request = request

    async def files(self, items: Iterable[Item | Skipped]) -> AsyncIterator[LinesFile]:
        """Sort the items, and yield a file as soon as it is full; the last one may not be."""
        file: LinesFile | None = None
        async for item in self._without_batch(items):
            request = self._request(item)
            line = line_of(item.key, request)
            if file is not None and not file.fits(line):
                yield file
                file = None
            if file is None:
                file = LinesFile(request.path)
            file.add(item.key, line)
        if file is not None:
            yield file

    async def _without_batch(self, items: Iterable[Item | Skipped]) -> AsyncIterator[Item]:
        """Yield each item once that has to be asked and is in no batch."""
        seen: set[bytes] = set()
        for row, item in enumerate(items, start=1):
            if row % _TURN == 0:
                await asyncio.sleep(0)
            if isinstance(item, Skipped) or item.key in seen:
                continue
            seen.add(item.key)
            holder = self._holders.get(item.key)
            is_cached = self._has(item.key)
            if holder is None:
                if not is_cached:
                    yield item
            elif not is_cached:
                self.held.setdefault(holder.nonce, set()).add(item.key)
            elif holder.stage == "ended":
                self.cached.setdefault(holder.nonce, set()).add(item.key)
