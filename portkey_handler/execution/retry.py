"""Sending a request until there is a response, or until trying again is no use: the one owner of retries.

All requests of a query share what one of them learns. When a provider asks to wait, no row is sent to it.
When the gateway is gone, one request keeps trying while the others wait for its success.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..errors import (
    CapacityError,
    GatewayError,
    InvalidResponseError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
)
from ..records import Request, Response
from .backoff import LONGEST_WAIT, backoff
from .capacity import NO_PATIENCE, Capacity, CapacityPatience
from .concurrency import AdaptiveConcurrency
from .room_left import RoomLeft
from .throttle import AdaptiveThrottle

#: How many replies to one request may be no answers, as each may have been paid for: so many where the
#: provider has answered others, and so many where it has not.
MOST_UNREADABLE, MOST_UNREADABLE_AT_FIRST = 3, 2

#: How often a request of many parts is tried at status 500, before its parts are tried alone.
_TRIES_OF_THE_WHOLE = 2

#: Seconds after the first failure for which requests are tried again where none was ever answered …
PATIENCE = 10.0
#: … for which rows from elsewhere in the table are tried, once each, before the query ends …
LAST_PATIENCE = 16.0
#: … and for which the query goes on where an earlier one has answers.
LAST_PATIENCE_AFTER_ANSWERS = 60.0

#: Seconds for which a gateway that answered before may be gone.
LONGEST_OUTAGE = 60.0
#: Seconds between two tries while it is gone.
_BETWEEN_PROBES = 0.5
#: Seconds between two looks whether there is room under a limit that was lowered.
_BETWEEN_LOOKS = 0.05

Send = Callable[[Request], Awaitable[Response]]


class QueryStopped(Exception):  # noqa: N818 - no error: the response is no longer wanted
    """The query was stopped before the request was sent."""


class RetryingSender:
    """Sends the requests of one query; within one event loop.

    Args:
        send: Sends one request once; raises `GatewayError`.
        concurrency: Is told of answers and refusals.
        max_attempts: How often one request is tried.
        stopped: Set when the query is stopped; ends every wait.
        answered_before: Returns whether an earlier query has answered rows of this one.
        capacity: What is done where the provider has no resources free for a request.

    Attributes:
        requests: How many were sent, retries included.
    """

    def __init__(
        self,
        send: Send,
        concurrency: AdaptiveConcurrency,
        max_attempts: int,
        stopped: asyncio.Event,
        answered_before: Callable[[], bool] = lambda: False,
        capacity: Capacity = NO_PATIENCE,
    ) -> None:
        self.requests = 0
        self._is_patient = capacity.patience > 0
        self._fallback = capacity.fallback
        self._capacity = CapacityPatience(capacity.patience)
        self._send = send
        self._concurrency = concurrency
        self._max_attempts = max_attempts
        self._stopped = stopped
        self._answered_before = answered_before
        self._answered = False
        # When the first request failed, and the longest wait that the provider has asked for.
        self._failing_since: float | None = None
        self._longest_asked = 0.0
        self._loop = asyncio.get_running_loop()
        self._throttle = AdaptiveThrottle()
        self._room = RoomLeft()
        self._in_flight = 0
        self._resume_at = 0.0
        self._reached = False
        self._gone_since: float | None = None

    async def __call__(self, request: Request) -> Response:
        """Return the response, with the number of attempts that it took.

        Raises:
            GatewayError: There is none; `attempts` says how often it was tried.
            QueryStopped: The query was stopped before the request was sent.
        """
        if request.known is None:
            return await self._answer_to(request)
        self.requests += 1
        if isinstance(request.known, Response):
            return request.known
        return await self._answer_to(request, _that_may_pass(request.known))

    async def _answer_to(self, request: Request, failure: GatewayError | None = None) -> Response:
        """Send a request until there is a response.

        Args:
            request: The request.
            failure: Its failure in a batch, which counts as the first attempt, or None.
        """
        attempt = 0 if failure is None else 1
        unreadable = without_capacity = 0
        probing = fell_back = False
        while True:
            await self._wait_for_permission(probing, failure)
            attempt += 1
            sent_at = self._loop.time()
            self.requests += 1
            try:
                response = await self._sent(request)
            except GatewayError as error:
                failure = error
            except QueryStopped:
                self.requests -= 1
                raise
            else:
                self._is_back()
                self._answered = True
                self._capacity.answered()
                now = self._loop.time()
                self._throttle.answered(now)
                self._concurrency.answered(sent_at, now, self._room.after(response))
                return response if attempt == 1 else replace(response, attempts=attempt)
            is_gone = failure.cannot_connect and self._reached and not self._stopped.is_set()
            if is_gone:  # nothing was sent
                attempt -= 1
                self.requests -= 1
            failure = failure.replace(attempts=attempt)
            if is_gone:
                probing = await self._sit_out(failure, probing)
                continue
            if not failure.cannot_connect:
                self._is_back()
                probing = False
            if isinstance(failure, CapacityError) and self._is_patient and not self._stopped.is_set():
                without_capacity += 1
                if self._fallback is not None and not fell_back:
                    request, fell_back = replace(request, body=self._fallback(request.body)), True
                else:
                    # The limit stays: this does not speak of how many requests are in flight.
                    wait = self._capacity.wait_after(failure, self._loop.time(), without_capacity)
                    await self._pause(wait)
                continue
            unreadable += isinstance(failure, InvalidResponseError) and failure.status is not None
            tried = attempt - without_capacity
            await self._pause(self._wait_after(request, failure, sent_at, tried, unreadable))

    async def _sent(self, request: Request) -> Response:
        self._in_flight += 1
        try:
            return await self._send(request)
        finally:
            self._in_flight -= 1

    def _wait_after(
        self, request: Request, failure: GatewayError, sent_at: float, tried: int, unreadable: int
    ) -> float:
        """Return the seconds to wait before trying again.

        Args:
            request: The request.
            failure: The failure.
            sent_at: When the request was sent.
            tried: How often it was tried, refusals for want of resources apart.
            unreadable: How many replies to it were no answers.

        Raises:
            GatewayError: `failure`, where trying again is no use.
        """
        now = self._loop.time()
        self._note_overload(failure, sent_at, now)
        if not failure.cannot_connect and self._failing_since is None:
            self._failing_since = now
        if not failure.retryable or self._stopped.is_set():
            raise failure
        if self._patience_left(now) <= 0:
            raise self._given_up(failure)
        most = MOST_UNREADABLE if self._answered else MOST_UNREADABLE_AT_FIRST
        if tried >= self._max_attempts or unreadable >= most:
            raise failure
        if request.is_divisible and failure.status == 500 and tried >= _TRIES_OF_THE_WHOLE:
            raise failure
        wait = backoff(tried, failure.retry_after)
        if wait is None:
            asked = f"it asks to wait {failure.retry_after:,.0f} s"
            limit = f"a query waits {LONGEST_WAIT:.0f} s at most"
            raise failure.replace(message=f"{failure.message} ({asked}, and {limit})")
        if failure.retry_after is not None:
            self._longest_asked = max(self._longest_asked, failure.retry_after)
            if _is_overload(failure):
                self._resume_at = max(self._resume_at, now + failure.retry_after)
        if not self._answered_before() and self._patience_left(now + wait, PATIENCE) <= 0:
            raise failure  # rows from elsewhere have their turn
        return wait

    def _note_overload(self, failure: GatewayError, sent_at: float, now: float) -> None:
        if not _is_overload(failure):
            return
        # Only 429 speaks of how many were sent; an overloaded provider has other reasons.
        too_many = isinstance(failure, RateLimitError)
        if too_many and self._throttle.in_force:
            self._throttle.refused(sent_at, now)
            return
        before = failure.attempts > 1
        if self._concurrency.refused(sent_at, now, self._in_flight, before=before) and too_many:
            self._throttle.refused(sent_at, now)

    def _patience_left(self, now: float, patience: float | None = None) -> float:
        """Return the seconds left until a query without any answer is given up; infinite after an answer."""
        if self._answered or self._failing_since is None:
            return math.inf
        if patience is None:
            patience = LAST_PATIENCE_AFTER_ANSWERS if self._answered_before() else LAST_PATIENCE
        return self._failing_since + self._longest_asked + patience - now

    def _given_up(self, failure: GatewayError) -> GatewayError:
        seconds = self._loop.time() - (self._failing_since or 0.0)
        return failure.replace(
            message=f"{failure.message} (no request was answered in {seconds:.0f} s)", ends_the_query=True
        )

    async def _wait_for_permission(self, probing: bool, failure: GatewayError | None) -> None:
        """Wait while the provider wants to be left alone, or while the gateway is gone.

        Raises:
            GatewayError: `failure`, that of the attempt before, when the query is stopped.
            QueryStopped: The same where there was none.
        """
        while not self._stopped.is_set():
            delay = self._resume_at - self._loop.time()
            if delay > 0:
                await self._pause(delay)
            elif self._gone_since is not None and not probing:
                await self._pause(_BETWEEN_PROBES)
            elif self._in_flight >= self._concurrency.limit:
                await self._pause(_BETWEEN_LOOKS)
            elif (delay := self._throttle.wait(self._loop.time())) > 0:
                await self._pause(delay)
                if self._resume_at <= self._loop.time() and not self._stopped.is_set():
                    return
            else:
                return
        raise failure or QueryStopped

    async def _sit_out(self, failure: GatewayError, probing: bool) -> bool:
        """Wait while the gateway is gone; the request that finds it gone first keeps trying.

        Returns:
            Whether the caller is the one that keeps trying.

        Raises:
            GatewayError: The failure, when the gateway was gone for too long.
        """
        now = self._loop.time()
        if self._gone_since is None:
            self._gone_since = now
            probing = True
        if probing and now - self._gone_since > LONGEST_OUTAGE:
            gone = f"it answered before, and was gone for {LONGEST_OUTAGE:.0f} s"
            raise failure.replace(message=f"{failure.message} ({gone})", ends_the_query=True)
        if probing:
            await self._pause(_BETWEEN_PROBES)
        return probing

    def _is_back(self) -> None:
        self._reached = True
        self._gone_since = None

    async def _pause(self, seconds: float) -> None:
        """Wait for some seconds, or until the query is stopped."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)


def _that_may_pass(known: Exception) -> GatewayError:
    """Return a failure after which the request is sent again; raise another."""
    if isinstance(known, GatewayError) and known.retryable:
        return known
    raise known


def _is_overload(error: GatewayError) -> bool:
    return isinstance(error, (RateLimitError, RequestTimeoutError)) or (
        isinstance(error, ServerError) and error.status in (503, 529)
    )
