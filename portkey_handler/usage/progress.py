"""What a person sees while a query runs: how far it is, told every so often to whoever watches.

Data flows one way: what the rooms have counted is read, and a listener shows it. Nothing here can change what
is sent, and no row has to report: who watches is told by the clock, so that a query that stands still is
seen too, and a fast one pays nothing.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from .formatting import counted, dollars, duration

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__.replace(".usage.", "."))  # its documented name: portkey_handler.progress

#: Seconds between two events for who watches.
BETWEEN_EVENTS = 0.2
#: Seconds of the past that say how fast it goes; more where fewer answers than three flights fell into them.
_LATELY = 10.0
_BETWEEN_SAMPLES = 1.0
_MOST_SAMPLES = 1000
_MOST_KEPT = 0.9
_LONGEST_REASON = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a query is.

    Attributes:
        model: Name of what is asked, for the person who watches.
        done: Rows that have an answer or a reason why not.
        total: Rows of the query.
        failed: Rows among `done` that should have an answer and have none.
        kept: Rows among `done` that an earlier query was answered.
        requests: HTTP requests sent so far, retries included.
        flight: How many requests may be in flight now.
        reasons: The most frequent reasons of failures, with how many distinct items failed for them.
        tokens: Tokens asked and answered so far; None where there are answers that tell none.
        cost: US dollars so far; None where there are answers and no price is known of any.
        unpriced: Answers whose price is not known, and which `cost` leaves out.
        seconds: How long it runs.
        rows_per_second: How fast it goes of late; None while nothing is known.
        seconds_left: About how long it will take; None while nothing is known.
        ended: How it ended, in one line; None while it runs.
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

    @property
    def share(self) -> float:
        """The part of the rows that are done, from 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def __str__(self) -> str:
        """Say it in one line, the end where it has ended."""
        if self.ended is not None:
            return self.ended
        parts = [f"{self.done:,} of {counted(self.total, 'row')} ({int(self.share * 100)} %)"]
        if self.rows_per_second is not None:
            parts.append(f"{said_speed(self.rows_per_second)} rows/s")
        if self.kept:
            parts.append(f"{self.kept:,} kept")
        if self.failed:
            parts.append(f"{self.failed:,} failed ({said_reasons(self.reasons)})")
        parts += [counted(self.requests, "request"), said_use(self.tokens, self.cost, self.unpriced)]
        parts.append(f"{self.flight:,} in flight")
        if self.seconds_left is not None:
            parts.append(f"about {duration(self.seconds_left)} left")
        return f"{self.model}: " + ", ".join(parts)


def said_use(tokens: int | None, cost: float | None, unpriced: int) -> str:
    """Say tokens and dollars, and what is not known of them."""
    used = "tokens not known" if tokens is None else counted(tokens, "token")
    if cost is None:
        return f"{used}, cost not known"
    without = f" and {counted(unpriced, 'answer')} without a known price" if unpriced else ""
    return f"{used}, {dollars(cost)}{without}"


def said_reasons(reasons: Sequence[tuple[str, int]]) -> str:
    """Return why rows failed, most frequent first, on one line and without what would move a cursor."""
    return "; ".join(f"{number:,} x {_short(reason)}" for reason, number in reasons)


def said_speed(rows_per_second: float) -> str:
    """Write rows per second; what is slow with a digit more."""
    return f"{rows_per_second:,.0f}" if rows_per_second >= 10 else f"{rows_per_second:.1f}"


def _short(reason: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in reason).split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


class Pace:
    """How fast a query goes of late, from how far it was when."""

    def __init__(self) -> None:
        # Seconds, rows done, rows among them that were kept.
        self._samples = deque([(0.0, 0, 0)], maxlen=_MOST_SAMPLES)

    def rate(self, seconds: float, done: int, kept: int, flight: int) -> float | None:
        """Note how far it is now, and return the rows per second; None while nothing is done."""
        samples = self._samples
        while len(samples) > 1 and (
            self._is_long_ago(samples[1], seconds, done, flight) or self._was_kept(done, kept)
        ):
            samples.popleft()
        since, done_then, _ = samples[0]
        newest = samples[-1]
        if done > newest[1] and seconds - newest[0] >= _BETWEEN_SAMPLES:
            samples.append((seconds, done, kept))
        if done == done_then or seconds <= since:
            return None
        return (done - done_then) / (seconds - since)

    @staticmethod
    def _is_long_ago(sample: tuple[float, int, int], seconds: float, done: int, flight: int) -> bool:
        """Return whether enough is known since that sample: answers may come a whole flight at a time."""
        return seconds - sample[0] >= _LATELY and done - sample[1] >= 3 * flight

    def _was_kept(self, done: int, kept: int) -> bool:
        """Return whether the oldest stretch ran over kept answers, which says nothing of the others."""
        (_, done_first, kept_first), (_, done_next, kept_next) = self._samples[0], self._samples[1]
        stretch, since = done_next - done_first, done - done_next
        return (
            kept_next - kept_first > _MOST_KEPT * stretch
            and since > 0
            and kept - kept_next <= _MOST_KEPT * since
        )


def log_seconds() -> float:
    """Return the seconds between two lines of the log: PORTKEY_HANDLER_LOG_SECONDS, else ten; 0 for none.

    Raises:
        UsageError: The variable holds something else.
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


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("portkey_handler_progress", default=None)


def current_listener() -> Listener | None:
    """Return who listens in this context, or None."""
    return _listener.get()


@contextmanager
def on_progress(listener: Listener) -> Iterator[None]:
    """Call `listener` with the progress of every query that starts inside the `with` block.

    It is called every 0.2 s while a query runs, and once more when the query has ended in any way. It is
    called in the thread in which the query runs, so it has to be quick.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


#: The name of release 0.1, which keeps working.
watching = on_progress


class ProgressReporter:
    """Tells how far a query is, as long as it is entered: to the listener, and to the log.

    Args:
        look: Gives what the rooms have counted. Called in the loop's thread, between two steps of the query.
        listener: Who watches, or None.
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
        """Begin to tell; there has to be a running loop."""
        import asyncio

        self._started = time.monotonic()
        self._logged = 0.0
        self._loop = asyncio.get_running_loop()
        self._wait()
        return self

    def __exit__(self, *raised: object) -> None:
        """Tell that it failed, where nobody has said how it ended."""
        if not self._over:
            last = self._look()
            done = f"{last.done:,} of {counted(last.total, 'row')} were done"
            self.end(f"{last.model}: failed when {done}, {self.seconds:.1f} s")

    @property
    def seconds(self) -> float:
        """How long the query runs."""
        return time.monotonic() - self._started

    def end(self, line: str) -> str:
        """Tell the listener how it ended, which is the last that it hears; give the line back."""
        self._over = True
        if self._next is not None:
            self._next.cancel()
        self._tell(replace(self._now(), seconds_left=None, ended=line))
        return line

    def _wait(self) -> None:
        pauses = [self._log_seconds] * (self._log_seconds > 0)
        pauses += [BETWEEN_EVENTS] * (self._listener is not None)
        self._next = self._loop.call_later(min(pauses), self._tick) if pauses else None

    def _tick(self) -> None:
        now = self._now()
        self._tell(now)
        # A timer may be early by the clock's resolution.
        if self._log_seconds and now.seconds >= self._logged + self._log_seconds - 0.001:
            self._logged = now.seconds
            logger.info("%s", now)
        self._wait()

    def _now(self) -> Progress:
        found = self._look()
        seconds = self.seconds
        rate = self._pace.rate(seconds, found.done, found.kept, found.flight)
        left = None if rate is None else (found.total - found.done) / rate
        return replace(found, seconds=seconds, rows_per_second=rate, seconds_left=left)

    def _tell(self, progress: Progress) -> None:
        if self._listener is None:
            return
        try:
            self._listener(progress)
        except Exception:  # whoever watches must not cost the answers
            self._listener = None
            logger.warning("progress is not shown any more", exc_info=True)
