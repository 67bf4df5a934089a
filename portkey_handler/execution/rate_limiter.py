"""Requests and tokens per minute, held together by all processes of one engine on one machine.

Every request gets a slot of time of its own, and slots are handed out one after the other: a limit of 1,200
a minute is a slot every 50 ms. That is the generic cell rate algorithm (ITU-T I.371, "virtual scheduling",
without tolerance), so there is no burst, neither at the start nor after a pause. What processes share is how
far the slots are taken, one row in a small SQLite file; each takes at most a quarter of a second's slots at a
time. A slot that is not used in time expires, and one that died with its process is simply not used: over any
60 s everybody together stays within the limit plus one second's quota. For tokens that is as true as the
estimates are, and plus the largest single request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from ..errors import NewerFileError
from ..storage.sqlite import opened_unlogged

logger = logging.getLogger(__name__)

_FILE = "limits.sqlite"
#: See `database`.
MIGRATIONS = (
    (
        "CREATE TABLE IF NOT EXISTS backlogs (scope TEXT PRIMARY KEY, "
        "requests REAL, requests_at REAL, tokens REAL, tokens_at REAL) WITHOUT ROWID",
    ),
)
#: Seconds of slots that a process takes ahead of time, where requests wait for them.
_AHEAD = 0.25
#: A clock that is set back by more seconds than this does not make anybody wait for it to catch up.
_CLOCK_STEP = 5.0
#: Seconds of slots that may be taken beyond what processes like this one explain; more is not believed …
_BELIEVED = 120.0
#: … and how many such processes are thought of.
_PROCESSES = 64
#: Seconds to try for, and to sleep between, while other processes hold the file.
_PATIENCE = 5.0
_NAP = 0.01


# ── The arithmetic: functions of their arguments ──────────────────────────────────────────────────────────


class Backlog(NamedTuple):
    """How far slots are taken.

    Kept in units rather than as a time, so that it keeps its meaning when the limit or the clock changes.

    Attributes:
        units: Requests or tokens that have slots at or after `at`.
        at: When that was so, seconds since 1970.
    """

    units: float = 0.0
    at: float = 0.0

    def free_at(self, now: float, rate: float, asked: float = 0.0) -> float:
        """Tell when the next slot is free.

        Args:
            now: Seconds since 1970.
            rate: The limit in units per second.
            asked: Units that one process takes at a time; backlogs beyond what `_PROCESSES` of them explain
                are cut off.
        """
        believed = _BELIEVED * rate + _PROCESSES * asked
        units = min(self.units, believed) if math.isfinite(self.units) else 0.0
        at = self.at if self.at <= now + _CLOCK_STEP else now
        return max(now, at + max(0.0, units) / rate)

    @classmethod
    def until(cls, free_at: float, now: float, rate: float) -> Backlog:
        """Give the backlog whose next slot is free at `free_at`."""
        return cls((free_at - now) * rate, now)


class Backlogs(NamedTuple):
    """What the processes of one scope share."""

    requests: Backlog = Backlog()
    tokens: Backlog = Backlog()


class Slot(NamedTuple):
    """Leave to send one request.

    Attributes:
        time: From when on, seconds since 1970.
        tokens: For how many tokens.
    """

    time: float
    tokens: int


@dataclass(frozen=True)
class Rates:
    """The limits, in units per second; None where there is none."""

    requests: float | None
    tokens: float | None

    @property
    def lateness(self) -> float:
        """Seconds after which an unused slot expires.

        With slots `T` seconds apart, a window of `W` seconds sees at most `(W + lateness) / T + 1` of them:
        with `1 - T` that is `W / T` and one second's quota. Below 90 a minute half a slot is what keeps a
        minute within the limit plus one.
        """
        if self.requests is None:
            return 1.0
        apart = 1 / self.requests
        return max(1 - apart, min(1.0, apart / 2))

    def batch(self, waiting: Iterable[int]) -> list[int]:
        """Give those of the waiting requests, by their tokens, that slots are taken for at a time."""
        most = None if self.requests is None else max(1, int(self.requests * _AHEAD))
        tokens_left = math.inf if self.tokens is None else self.tokens * _AHEAD
        batch: list[int] = []
        for tokens in islice(waiting, most):
            tokens_left -= tokens
            if batch and tokens_left < 0:
                break
            batch.append(tokens)
        return batch

    def take(
        self, backlogs: Backlogs, now: float, costs: Sequence[int], owed: float = 0.0
    ) -> tuple[list[Slot], Backlogs]:
        """Take one slot for each request, at which both limits allow it.

        Args:
            backlogs: How far slots are taken.
            now: Seconds since 1970.
            costs: Tokens of each request. One that is larger than a whole minute's quota is let through when
                it is its turn; those behind it wait for its time to pass.
            owed: Tokens that were used beyond what was taken before, or less than 0. A debt makes nobody
                wait for more than a minute, a credit never leads to a burst.
        """
        requests_at = tokens_at = now
        if self.requests is not None:
            requests_at = backlogs.requests.free_at(now, self.requests, max(1, len(costs)))
        if self.tokens is not None:
            # Others' requests may be as large as a minute's quota, however small these are.
            free_at = backlogs.tokens.free_at(now, self.tokens, max(60 * self.tokens, sum(costs)))
            settled = free_at + owed / self.tokens
            tokens_at = max(now, settled) if owed < 0 else max(free_at, min(settled, now + 60))
        slots = []
        for tokens in costs:
            slot = Slot(max(requests_at, tokens_at), tokens)
            slots.append(slot)
            if self.requests is not None:
                requests_at = slot.time + 1 / self.requests
            if self.tokens is not None:
                tokens_at = slot.time + tokens / self.tokens
        return slots, Backlogs(
            backlogs.requests if self.requests is None else Backlog.until(requests_at, now, self.requests),
            backlogs.tokens if self.tokens is None else Backlog.until(tokens_at, now, self.tokens),
        )


# ── Where the backlogs are kept ───────────────────────────────────────────────────────────────────────────

Change = Callable[[Backlogs], Backlogs]


class _Process:
    """Backlogs that all threads of this process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Backlogs] = {}

    def update(self, scope: str, change: Change) -> None:
        with self._lock:
            self._kept[scope] = change(self._kept.get(scope, Backlogs()))


_PROCESS = _Process()


class _File:
    """Backlogs that all processes share which can open the file.

    A lost write after a power cut is harmless, so nothing is forced to the disk; a killed process leaves a
    journal behind that the next one rolls back.
    """

    def __init__(self, folder: Path) -> None:
        # SQLite may sleep for a few ms; longer waits are slept in the event loop.
        self._connection = opened_unlogged(folder / _FILE, MIGRATIONS, seconds=_NAP)

    def update(self, scope: str, change: Change) -> None:
        # Exclusive from the start, so that the commit never has to wait for another's first look.
        self._connection.execute("BEGIN EXCLUSIVE")
        try:
            row = self._connection.execute(
                "SELECT requests, requests_at, tokens, tokens_at FROM backlogs WHERE scope = ?", (scope,)
            ).fetchone()
            changed = change(_read(row))
            self._connection.execute(
                "INSERT OR REPLACE INTO backlogs (scope, requests, requests_at, tokens, tokens_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (scope, *changed.requests, *changed.tokens),
            )
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()


def _read(row: tuple[object, ...] | None) -> Backlogs:
    """Read a row; one that holds no numbers counts for nothing."""
    if row is None or not all(isinstance(cell, float) for cell in row):
        return Backlogs()
    requests, requests_at, tokens, tokens_at = (cell for cell in row if isinstance(cell, float))
    return Backlogs(Backlog(requests, requests_at), Backlog(tokens, tokens_at))


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


# ── Whose turn it is ──────────────────────────────────────────────────────────────────────────────────────


class Limits:
    """Says when the next request may be sent. Used inside one event loop.

    Where the file in `folder` cannot be used, a warning says so and the limits hold in this process only.

    Args:
        folder: Where processes share `limits.sqlite`; None shares among the threads of this process only.
        scope: Whose limits these are; equal scopes share. It is stored as it is: no secret.
        requests_per_minute: More than 0, or None for no limit.
        tokens_per_minute: The same for tokens.
        clock: Gives seconds since 1970.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        folder: Path | None,
        scope: str,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rates = Rates(
            None if requests_per_minute is None else requests_per_minute / 60,
            None if tokens_per_minute is None else tokens_per_minute / 60,
        )
        self._folder = folder
        self._scope = scope
        self._clock = clock
        self._sleep = sleep
        self._store: _Process | _File | None = None
        self._order = asyncio.Lock()  # lets tasks in one by one, first come first served
        self._tickets = count()
        self._waiting: dict[int, int] = {}  # tokens by ticket, in the order of the lock
        self._slots: deque[Slot] = deque()
        self._owed = 0.0
        self._last_seen = 0.0

    async def turn(self, tokens: int) -> None:
        """Return when one request may be sent; first come, first served.

        May be cancelled: the slot goes to the next in line.

        Args:
            tokens: What the request and its answer will use, see `token_estimate`.
        """
        if self._rates.requests is None and self._rates.tokens is None:
            return
        ticket = next(self._tickets)
        self._waiting[ticket] = tokens
        try:
            async with self._order:
                while not self._slots or not await self._reach(self._slots[0]):
                    if not self._slots:
                        await self._take_slots()
                # Nothing is awaited from here on: who has looked at the clock goes.
                self.correct(self._slots.popleft().tokens, tokens)
        finally:
            del self._waiting[ticket]

    def correct(self, estimated: int, actual: int) -> None:
        """Take note of what a request used; the difference counts when the next slots are taken.

        Args:
            estimated: The tokens that `turn` was given.
            actual: The tokens that were used, as the reply tells.
        """
        if self._rates.tokens is not None:
            self._owed += actual - estimated

    def close(self) -> None:
        """Leave what is owed to those who come later, and close the file."""
        if self._store is None:
            return
        for _ in range(10):
            try:
                self._update([])
                break
            except (sqlite3.Error, OSError) as error:
                if not _is_busy(error):
                    break
        if isinstance(self._store, _File):
            self._store.close()
        self._store = None

    async def _reach(self, slot: Slot) -> bool:
        """Wait for a slot; False, and the slot is dropped, where it is too late for it."""
        while True:
            early = slot.time - self._now()
            if not self._slots:  # the clock was set back
                return False
            if early <= 0:
                break
            # In short steps, because the clock may be set meanwhile.
            await self._sleep(min(early, _CLOCK_STEP))
        if -early > self._rates.lateness:
            self._slots.popleft()
            return False
        return True

    def _now(self) -> float:
        now = self._clock()
        if now < self._last_seen - _CLOCK_STEP:
            self._slots.clear()
        self._last_seen = now
        return now

    async def _take_slots(self) -> None:
        """Take slots for those who wait."""
        give_up_at = time.monotonic() + _PATIENCE
        while not self._slots:
            try:
                # Not more than a quarter of a second's slots are looked at, however many wait.
                self._update(self._rates.batch(self._waiting.values()))
            except (sqlite3.Error, OSError, NewerFileError) as error:
                if _is_busy(error) and time.monotonic() < give_up_at:
                    await asyncio.sleep(random.uniform(0, _NAP))  # noqa: S311 - spreads retries, no secret
                else:
                    self._stop_sharing(error)

    def _update(self, costs: Sequence[int]) -> None:
        """Take slots for requests of these tokens, and settle what is owed."""
        slots: list[Slot] = []

        def change(backlogs: Backlogs) -> Backlogs:
            nonlocal slots
            slots, changed = self._rates.take(backlogs, self._now(), costs, self._owed)
            return changed

        if self._store is None:
            self._store = _PROCESS if self._folder is None else _File(self._folder)
        self._store.update(self._scope, change)
        self._slots.extend(slots)
        self._owed = 0.0

    def _stop_sharing(self, error: Exception) -> None:
        only_here = "requests_per_minute and tokens_per_minute hold in this process only"
        if isinstance(error, NewerFileError):
            logger.warning("%s: %s", only_here, error)
        else:
            logger.warning(
                "%s cannot be used (%s): %s. Make the folder writable, or remove a damaged file",
                self._folder and self._folder / _FILE,
                error,
                only_here,
            )
        if isinstance(self._store, _File):
            self._store.close()
        self._store = _PROCESS
