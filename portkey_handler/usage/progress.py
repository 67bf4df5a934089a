"""The progress of a running query, passed to a listener and to the log at regular intervals.

Data flows one way: a timer reads the counts of the other modules and passes them to the listener. Nothing
here changes what is sent. Rows do not report their progress, so a fast query pays nothing for it, and a query
that makes no progress is shown too.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..foreign_text import in_one_line, logger_of
from .formatting import counted, dollars, duration

if TYPE_CHECKING:
    import asyncio

logger = logger_of(__name__.replace(".usage.", "."))  # its documented name: portkey_handler.progress

#: Seconds between two calls of the listener.
BETWEEN_EVENTS = 0.2
#: The speed is measured over this many seconds; over more if they had fewer answers than three times the
#: number of requests in flight.
_SPEED_SECONDS = 10.0
_BETWEEN_SAMPLES = 1.0
_MOST_SAMPLES = 1000
_MOST_CACHED = 0.9
_LONGEST_REASON = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a query.

    Attributes:
        model: The name of the model, for people.
        done: Rows that have an answer, or a reason why they have none.
        total: Rows of the query.
        failed: Rows among `done` that should have an answer and have none.
        kept: Rows among `done` that were served from the answer cache.
        requests: HTTP requests sent so far, retries included.
        flight: The number of requests that may be in flight now.
        reasons: The most frequent reasons of failures, each with its number of distinct items.
        tokens: Prompt and completion tokens so far; None if there are answers and none reports its tokens.
        cost: US dollars so far; None if there are answers and none has a known price.
        unpriced: Answers without a known price; `cost` leaves them out.
        seconds: Seconds since the query began.
        rows_per_second: The speed of the last seconds; None while it is not known.
        seconds_left: The estimated seconds until the end; None while they are not known.
        ended: The line about the end; None while the query runs.
        warned: Whether that line is a warning in the log, too, because the query was interrupted.
        in_batches: The query waits for its batches, and `done` and `total` are lines of them, as the provider
            counts them.
    """

    model: str
    done: int
    total: int
    failed: int = 0
    kept: int = 0
    requests: int = 0
    flight: int = 0
    reasons: Sequence[tuple[str, int]] = ()
    tokens: int | None = 0
    cost: float | None = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    ended: str | None = None
    warned: bool = False
    in_batches: bool = False

    @property
    def share(self) -> float:
        """The share of the rows that are done, from 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def __str__(self) -> str:
        """Return the progress in one line, safe to show; after the end, the line about the end."""
        return in_one_line(self._words() if self.ended is None else self.ended)

    def _words(self) -> str:
        if self.in_batches:
            return f"{self.model}: {self.said_of_batches()} ({int(self.share * 100)} %)"
        parts = [f"{self.done:,} of {counted(self.total, 'row')} ({int(self.share * 100)} %)"]
        if self.rows_per_second is not None:
            parts.append(f"{said_speed(self.rows_per_second)} rows/s")
        if self.kept:
            parts.append(f"{self.kept:,} cached")
        if self.failed:
            parts.append(f"{self.failed:,} failed ({said_reasons(self.reasons)})")
        parts += [counted(self.requests, "request"), said_use(self.tokens, self.cost, self.unpriced)]
        parts.append(f"{self.flight:,} in flight")
        if self.seconds_left is not None:
            parts.append(f"about {duration(self.seconds_left)} left")
        return f"{self.model}: " + ", ".join(parts)

    def said_of_batches(self) -> str:
        """Return how far the batches are that the query waits for, as text."""
        return f"{self.done:,} of {counted(self.total, 'line')} of its batches done by the provider"


def said_use(tokens: int | None, cost: float | None, unpriced: int) -> str:
    """Return tokens and dollars as text, and which of them are not known."""
    used = "tokens not known" if tokens is None else counted(tokens, "token")
    if cost is None:
        return f"{used}, cost not known"
    without = f" and {counted(unpriced, 'answer')} without a known price" if unpriced else ""
    return f"{used}, {dollars(cost)}{without}"


def said_reasons(reasons: Sequence[tuple[str, int]]) -> str:
    """Return the reasons of failures on one line, in their order, without control characters."""
    return "; ".join(f"{number:,} x {_short(reason)}" for reason, number in reasons)


def said_speed(rows_per_second: float) -> str:
    """Return rows per second as text; with one decimal below 10."""
    return f"{rows_per_second:,.0f}" if rows_per_second >= 10 else f"{rows_per_second:.1f}"


def _short(reason: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in reason).split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


class Pace:
    """The current speed of a query, from samples of its progress."""

    def __init__(self) -> None:
        # Seconds, rows done, rows among them from the answer cache.
        self._samples = deque([(0.0, 0, 0)], maxlen=_MOST_SAMPLES)

    def rate(self, seconds: float, done: int, cached: int, in_flight: int) -> float | None:
        """Add a sample, and return the rows per second; None while nothing is done."""
        samples = self._samples
        while len(samples) > 1 and (
            self._is_long_ago(samples[1], seconds, done, in_flight) or self._was_cached(done, cached)
        ):
            samples.popleft()
        since, done_then, _ = samples[0]
        newest = samples[-1]
        if done > newest[1] and seconds - newest[0] >= _BETWEEN_SAMPLES:
            samples.append((seconds, done, cached))
        if done == done_then or seconds <= since:
            return None
        return (done - done_then) / (seconds - since)

    @staticmethod
    def _is_long_ago(sample: tuple[float, int, int], seconds: float, done: int, in_flight: int) -> bool:
        """Return whether the time since a sample is enough to measure by.

        All requests in flight may be answered at once, so three times as many answers are needed.
        """
        return seconds - sample[0] >= _SPEED_SECONDS and done - sample[1] >= 3 * in_flight

    def _was_cached(self, done: int, cached: int) -> bool:
        """Return whether the oldest stretch was served from the cache, and later rows are not."""
        (_, done_first, cached_first), (_, done_next, cached_next) = self._samples[0], self._samples[1]
        stretch, since = done_next - done_first, done - done_next
        return (
            cached_next - cached_first > _MOST_CACHED * stretch
            and since > 0
            and cached - cached_next <= _MOST_CACHED * since
        )


def log_seconds() -> float:
    """Return the seconds between two lines of the log: PORTKEY_HANDLER_LOG_SECONDS, else 10; 0 for none.

    Raises:
        UsageError: The variable is not a number of seconds.
    """
    given = os.environ.get("PORTKEY_HANDLER_LOG_SECONDS", "").strip() or "10"
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise UsageError(
            f"the variable PORTKEY_HANDLER_LOG_SECONDS is {given[:40]!r}; it takes the seconds between two "
            "lines of the log, such as 10, or 0 for none"
        )
    return seconds


#: Held while a block is put on the terminal or taken from it, and while a line is written above it.
TERMINAL = threading.Lock()

Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("portkey_handler_progress", default=None)


def current_listener() -> Listener | None:
    """Return the listener of this context, or None."""
    return _listener.get()


@contextmanager
def on_progress(listener: Listener) -> Iterator[None]:
    """Call `listener` with the progress of every query that starts inside the `with` block.

    The listener is called every 0.2 s while a query runs, and once more when the query has ended, with or
    without an error. It runs in the query's thread, so it must return quickly.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


#: The name of release 0.1, which keeps working.
watching = on_progress


class ProgressReporter:
    """Reports the progress of a query to the listener and to the log, inside its `with` block.

    Args:
        look: Returns the current counts. Called in the loop's thread, between two steps of the query.
        listener: Called with each progress, or None.
        log_seconds: Seconds between two lines of the log; 0 for none.
    """

    def __init__(self, look: Callable[[], Progress], listener: Listener | None, log_seconds: float) -> None:
        self._look = look
        self._listener = listener
        self._log_seconds = log_seconds if logger.isEnabledFor(logging.INFO) else 0
        self._pace = Pace()
        self._next: asyncio.TimerHandle | None = None
        self._over = False

    def __enter__(self) -> ProgressReporter:
        """Start reporting; needs a running event loop."""
        import asyncio

        self._started = time.monotonic()
        self._logged = 0.0
        self._loop = asyncio.get_running_loop()
        self._wait()
        return self

    def __exit__(self, *raised: object) -> None:
        """Report a failure, unless `end` was called."""
        if not self._over:
            last = self._look()
            done = f"{last.done:,} of {counted(last.total, 'row')} were done"
            self.end(f"{last.model}: failed when {done}, {self.seconds:.1f} s")

    def pause(self) -> None:
        """Report nothing until `go_on`: the query waits for further rows."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def go_on(self) -> None:
        """Report again."""
        if self._next is None:
            self._wait()

    @property
    def seconds(self) -> float:
        """Seconds since the query began."""
        return time.monotonic() - self._started

    def end(self, line: str, *, warned: bool = False) -> str:
        """Call the listener for the last time, with the line about the end; return the line."""
        self._over = True
        if self._next is not None:
            self._next.cancel()
        self._report(replace(self._now(), seconds_left=None, ended=line, warned=warned))
        return line

    def _wait(self) -> None:
        pauses = [self._log_seconds] * (self._log_seconds > 0)
        pauses += [BETWEEN_EVENTS] * (self._listener is not None)
        self._next = self._loop.call_later(min(pauses), self._tick) if pauses else None

    def _tick(self) -> None:
        now = self._now()
        self._report(now)
        # A timer may be early by the clock's resolution.
        if self._log_seconds and now.seconds >= self._logged + self._log_seconds - 0.001:
            self._logged = now.seconds
            logger.info("%s", now)
        self._wait()

    def _now(self) -> Progress:
        found = self._look()
        seconds = self.seconds
        if found.in_batches:
            return replace(found, seconds=seconds)
        rate = self._pace.rate(seconds, found.done, found.kept, found.flight)
        left = None if rate is None else (found.total - found.done) / rate
        return replace(found, seconds=seconds, rows_per_second=rate, seconds_left=left)

    def _report(self, progress: Progress) -> None:
        if self._listener is None:
            return
        try:
            self._listener(progress)
        except Exception:  # a broken listener must not cost the answers
            self._listener = None
            logger.warning("progress is not shown any more", exc_info=True)
