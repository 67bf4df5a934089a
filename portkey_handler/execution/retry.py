"""Sending until there is a reply, or no use in trying again: the one owner of retries.

What one request learns is shared by all of a query. A provider that asks to wait is left alone by every row,
and when the gateway is gone one request keeps trying while the others wait for its success.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from ..errors import GatewayError, RateLimitError, RequestTimeoutError, ServerError
from ..records import Request, Response
from .concurrency import AdaptiveConcurrency
from .throttle import AdaptiveThrottle

#: The longest wait that a provider may ask for; beyond it the row fails and says so.
LONGEST_WAIT = 60.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0

Send = Callable[[Request], Awaitable[Response]]

#: Seconds for which a gateway that answered before may be gone.
LONGEST_OUTAGE = 60.0
#: Seconds between two tries while it is gone.
_BETWEEN_PROBES = 0.5


class QueryStopped(Exception):  # noqa: N818 - no error: nobody wants the reply any more
    """The query was stopped before the request was sent."""


class RetryingSender:
    """Sends the requests of one query; within one event loop.

    Args:
        send: Sends one request once; raises `GatewayError`.
        flight: Is told of answers and refusals.
        max_attempts: How often one request is tried.
        halted: Set when the query is stopped; ends every wait.

    Attributes:
        requests: How many were sent, retries included.
    """

    def __init__(
        self, send: Send, flight: AdaptiveConcurrency, max_attempts: int, halted: asyncio.Event
    ) -> None:
        self.requests = 0
        self._send = send
        self._flight = flight
        self._max_attempts = max_attempts
        self._halted = halted
        self._loop = asyncio.get_running_loop()
        self._spacing = AdaptiveThrottle()
        self._resume_at = 0.0
        self._reached = False
        self._gone_since: float | None = None

    async def __call__(self, request: Request) -> Response:
        """Return the reply, in which stands how many attempts it took.

        Raises:
            GatewayError: There is none; `attempts` says how often it was tried.
            Halted: The query was stopped before it was sent.
        """
        attempt = 0
        probing = False
        failure: GatewayError | None = None
        while True:
            await self._wait_for_permission(probing, failure)
            attempt += 1
            sent_at = self._loop.time()
            self.requests += 1
            try:
                reply = await self._send(request)
            except GatewayError as error:
                failure = error
            except QueryStopped:
                self.requests -= 1
                raise
            else:
                self._is_back()
                now = self._loop.time()
                self._spacing.answered(now)
                self._flight.answered(sent_at, now)
                reply.attempts = attempt
                return reply
            failure.details["attempts"] = attempt
            if failure.cannot_connect and self._reached and not self._halted.is_set():
                failure.details["attempts"] = attempt = attempt - 1  # nobody was asked
                self.requests -= 1
                probing = await self._sit_out(failure, probing)
                continue
            if not failure.cannot_connect:
                self._is_back()
                probing = False
            wait = self._wait_after(failure, attempt, sent_at)
            if wait is not None:
                await self._pause(wait)
            if wait is None:
                raise failure

    def _wait_after(self, failure: GatewayError, attempt: int, sent_at: float) -> float | None:
        """Return the seconds to wait before trying again, or None where that is no use."""
        now = self._loop.time()
        if _is_overload(failure):
            # Only 429 speaks of how many were sent; an overloaded provider has other reasons.
            too_many = isinstance(failure, RateLimitError)
            if not (too_many and self._spacing.in_force):
                self._flight.refused(sent_at, now)
            if too_many:
                self._spacing.refused(sent_at, now)
        if not failure.retryable or attempt >= self._max_attempts or self._halted.is_set():
            return None
        wait = backoff(attempt, failure.retry_after)
        if wait is None:
            asked = f"it asks to wait {failure.retry_after:,.0f} s"
            failure.message += f" ({asked}, and a query waits {LONGEST_WAIT:.0f} s at most)"
        elif failure.retry_after is not None and _is_overload(failure):
            self._resume_at = max(self._resume_at, now + failure.retry_after)
        return wait

    async def _wait_for_permission(self, probing: bool, failure: GatewayError | None) -> None:
        """Wait while the provider wants to be left alone, or while the gateway is gone.

        Raises:
            GatewayError: `failure`, that of the attempt before, when the query is stopped.
            Halted: The same where there was none.
        """
        while not self._halted.is_set():
            delay = self._resume_at - self._loop.time()
            if delay > 0:
                await self._pause(delay)
            elif self._gone_since is not None and not probing:
                await self._pause(_BETWEEN_PROBES)
            elif (delay := self._spacing.wait(self._loop.time())) > 0:
                await self._pause(delay)
                if self._resume_at <= self._loop.time() and not self._halted.is_set():
                    return
            else:
                return
        raise failure or QueryStopped

    async def _sit_out(self, failure: GatewayError, probing: bool) -> bool:
        """Wait while the gateway is gone; the first to notice goes on trying.

        Returns:
            Whether the caller is the one that goes on trying.

        Raises:
            GatewayError: The failure, when it stayed away too long.
        """
        now = self._loop.time()
        if self._gone_since is None:
            self._gone_since = now
            probing = True
        if probing and now - self._gone_since > LONGEST_OUTAGE:
            failure.message += f" (it answered before, and was gone for {LONGEST_OUTAGE:.0f} s)"
            failure.ends_the_query = True
            raise failure
        if probing:
            await self._pause(_BETWEEN_PROBES)
        return probing

    def _is_back(self) -> None:
        self._reached = True
        self._gone_since = None

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment when the query is stopped."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._halted.wait(), seconds)


def _is_overload(error: GatewayError) -> bool:
    return isinstance(error, (RateLimitError, RequestTimeoutError)) or (
        isinstance(error, ServerError) and error.status in (503, 529)
    )


def backoff(attempt: int, retry_after: float | None) -> float | None:
    """Return the seconds to wait before the next attempt.

    Args:
        attempt: How many attempts were made, at least 1.
        retry_after: Seconds that the provider asked for, or None.

    Returns:
        Seconds, or None where the provider asks for more than `LONGEST_WAIT`.
    """
    backoff = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** (attempt - 1))
    jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, no secret
    if retry_after is None:
        return jittered
    if retry_after > LONGEST_WAIT:
        return None
    # A little more than asked for, and spread: all requests in flight were told at the same moment.
    return retry_after + jittered * 0.1
