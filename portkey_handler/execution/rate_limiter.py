"""Rate limits: requests and tokens per minute, shared by all processes of one engine on one machine.

Slots of time are given out by the generic cell rate algorithm (`gcra`). Processes share the number of slots
that are taken. Each process takes slots for a quarter of a second at a time. A slot that is not used in time
expires, and the slots of a process that dies are not used at all. Over any 60 s, all processes together stay
within the limit plus one second's quota. For tokens this holds as far as their estimates do, plus the largest
single request.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Protocol

from ..errors import StoreError
from ..foreign_text import logger_of
from ..records import Request, Response
from .gcra import CLOCK_STEP, Backlog, Backlogs, Gcra, Slot
from .retry import QueryStopped, Send
from .token_estimate import MeanTokens, estimate_tokens, used_tokens

logger = logger_of(__name__)

#: Requests taken, the time at which they were counted, tokens taken, and their time.
State = tuple[float, float, float, float]
#: Seconds for which a store that another process holds is tried again, and between two attempts.
_BUSY_SECONDS = 5.0
_NAP = 0.01


class Store(Protocol):
    """Where processes share the slots that are taken."""

    def update(self, scope: str, change: Callable[[State | None], State]) -> bool:
        """Replace the state of a scope; return False where another process holds the store at this moment.

        Raises:
            StoreError: The store cannot be used.
        """
        ...

    def close(self) -> None:
        """Close the store."""
        ...


class ProcessStore:
    """A store that the threads of one process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}

    def update(self, scope: str, change: Callable[[State | None], State]) -> bool:
        """Replace the state of a scope."""
        with self._lock:
            self._states[scope] = change(self._states.get(scope))
        return True

    def close(self) -> None:
        """Do nothing: the next query of this process goes on with the same states."""


_THIS_PROCESS = ProcessStore()


class RateLimiter:
    """Decides when the next request may be sent. Used in one event loop.

    Where the store cannot be used, a warning says so and the limits hold in this process only.

    Args:
        store: Where processes share the slots that are taken; None shares them within this process only.
        scope: Limiters of equal scope share their limits. It is stored as it is, and holds no secret.
        requests_per_minute: More than 0, or None for no limit.
        tokens_per_minute: The same for tokens.
        clock: Returns seconds since 1970.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        store: Store | None,
        scope: str,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gcra = Gcra(
            None if requests_per_minute is None else requests_per_minute / 60,
            None if tokens_per_minute is None else tokens_per_minute / 60,
        )
        self._store: Store = store or _THIS_PROCESS
        self._scope = scope
        self._clock = clock
        self._sleep = sleep
        self._is_used = False
        self._order = asyncio.Lock()  # lets tasks in one by one, first come first served
        self._tickets = count()
        self._waiting: dict[int, int] = {}  # tokens by ticket, in the order of the lock
        self._slots: deque[Slot] = deque()
        self._debt = 0.0
        self._last_seen = 0.0

    async def acquire(self, tokens: int) -> None:
        """Return when one request may be sent; first come, first served.

        May be cancelled: the slot goes to the next request in line.

        Args:
            tokens: What the request and its answer are expected to use, see `token_estimate`.
        """
        if self._gcra.requests is None and self._gcra.tokens is None:
            return
        ticket = next(self._tickets)
        self._waiting[ticket] = tokens
        try:
            async with self._order:
                while not self._slots or not await self._reach(self._slots[0]):
                    if not self._slots:
                        await self._take_slots()
                # Nothing is awaited from here on, so that the slot is still in time.
                self.correct(self._slots.popleft().tokens, tokens)
        finally:
            del self._waiting[ticket]

    def correct(self, estimated: int, actual: int) -> None:
        """Note what a request used. The difference counts when the next slots are taken.

        Args:
            estimated: The tokens that `acquire` was given.
            actual: The tokens that were used, as the response says.
        """
        if self._gcra.tokens is not None:
            self._debt += actual - estimated

    def close(self) -> None:
        """Leave the debt to later queries, and close the store."""
        if not self._is_used:
            return
        try:
            for _ in range(10):
                if self._update([]):
                    break
        except StoreError as error:
            logger.debug("a debt is not kept: %s", error)
        self._store.close()
        self._is_used = False

    async def _reach(self, slot: Slot) -> bool:
        """Wait for a slot. Return False, and drop the slot, where it has expired."""
        while True:
            early = slot.time - self._now()
            if not self._slots:  # the clock was set back
                return False
            if early <= 0:
                break
            # In short steps, because the clock may be set meanwhile.
            await self._sleep(min(early, CLOCK_STEP))
        if -early > self._gcra.lateness:
            self._slots.popleft()
            return False
        return True

    def _now(self) -> float:
        now = self._clock()
        if now < self._last_seen - CLOCK_STEP:
            self._slots.clear()
        self._last_seen = now
        return now

    async def _take_slots(self) -> None:
        """Take slots for the requests that wait."""
        give_up_at = time.monotonic() + _BUSY_SECONDS
        while not self._slots:
            try:
                # A batch is a quarter of a second's slots, however many requests wait.
                if self._update(self._gcra.batch(self._waiting.values())):
                    continue
                if time.monotonic() < give_up_at:
                    await asyncio.sleep(random.uniform(0, _NAP))  # noqa: S311 - spreads retries, no secret
                    continue
                raise StoreError(
                    f"another process has held the file of the shared limits for {_BUSY_SECONDS:g} s"
                )
            except StoreError as error:
                logger.warning(
                    "requests_per_minute and tokens_per_minute hold in this process only: %s", error
                )
                self._store.close()
                self._store = _THIS_PROCESS

    def _update(self, costs: Sequence[int]) -> bool:
        """Take slots for requests of these tokens and pay the debt; return False where the store is held.

        Raises:
            StoreError: The store cannot be used.
        """
        slots: list[Slot] = []

        def change(state: State | None) -> State:
            nonlocal slots
            taken = Backlogs() if state is None else Backlogs(Backlog(*state[:2]), Backlog(*state[2:]))
            slots, changed = self._gcra.take(taken, self._now(), costs, self._debt)
            return (*changed.requests, *changed.tokens)

        self._is_used = True
        if not self._store.update(self._scope, change):
            return False
        self._slots.extend(slots)
        self._debt = 0.0
        return True


class RateLimitedSender:
    """Sends each request when the rate limiter allows it. Every attempt counts.

    Args:
        send: Sends one request once.
        limiter: Decides when.
        longest_answer: Tokens that an answer may have, or None where that is not known.
        stopped: Set when no further request is to be sent.
    """

    def __init__(
        self, send: Send, limiter: RateLimiter, longest_answer: int | None, stopped: asyncio.Event
    ) -> None:
        self._send = send
        self._limiter = limiter
        self._answers = MeanTokens(longest_answer)
        self._stopped = stopped

    async def __call__(self, request: Request) -> Response:
        """Return the response to a request that was sent in its turn.

        Raises:
            GatewayError: There was no success.
            QueryStopped: The query was stopped while the request waited for its turn.
        """
        estimated = estimate_tokens(request.body, self._answers.expected)
        await self._acquire(estimated)
        response = await self._send(request)
        used, answer = used_tokens(response.body)
        if used is not None:
            self._limiter.correct(estimated, used)
        if answer is not None:
            self._answers.learn(answer)
        return response

    async def _acquire(self, tokens: int) -> None:
        acquired = asyncio.ensure_future(self._limiter.acquire(tokens))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((acquired, stopped), return_when=asyncio.FIRST_COMPLETED)
            if self._stopped.is_set():
                raise QueryStopped
            await acquired
        finally:
            acquired.cancel()
            stopped.cancel()

    def close(self) -> None:
        """Leave the debt to later queries."""
        self._limiter.close()
