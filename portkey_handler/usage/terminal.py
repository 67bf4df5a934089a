"""A block with the progress in a terminal while a query runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..foreign_text import visible
from .formatting import counted, duration
from .progress import TERMINAL, Progress, on_progress, said_reasons, said_speed, said_use

_LONGEST_NAME = 30
_REDRAWN_PER_SECOND = 5


@contextmanager
def shown_in_terminal() -> Iterator[None]:
    """Show the progress of the queries in the `with` block, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    block = Block()
    try:
        with on_progress(block):
            yield
    finally:
        block.close()


class Block:
    """A listener that shows a block while a query runs, and removes it at the end.

    A separate thread draws the latest progress, so a blocked terminal does not stop the query. Of queries
    that run at the same time, one has the block.
    """

    _is_taken: ClassVar[bool] = False

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._closed = False

    def __call__(self, progress: Progress) -> None:
        """Show a progress; after the end, nothing."""
        with self._lock:
            self._latest = progress
            if progress.ended is not None:
                self._stop()
            # A line that a blocked terminal does not take is not waited for.
            elif self._live is None and not self._closed and TERMINAL.acquire(blocking=False):
                try:
                    self._start()
                finally:
                    TERMINAL.release()

    def close(self) -> None:
        """Remove the block for good; after an interrupt the query may still be running."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        if Block._is_taken:
            return
        Block._is_taken = True
        self._live = Live(
            get_renderable=lambda: drawn(self._latest),
            console=self._console,
            refresh_per_second=_REDRAWN_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is None:
            return
        with TERMINAL:
            try:
                live.stop()
            finally:
                Block._is_taken = False


def drawn(progress: Progress) -> Group:
    """Return the block of a progress; it fits a terminal of 80 columns."""
    name = Text(visible(progress.model), style="bold", no_wrap=True, overflow="ellipsis")
    name.truncate(_LONGEST_NAME, overflow="ellipsis")
    left = "" if progress.seconds_left is None else f"about {duration(progress.seconds_left)} left"
    first = Table.grid(expand=True, padding=(0, 1))
    for _ in range(4):
        first.add_column(no_wrap=True)
    first.columns[1].ratio = 1
    bar = ProgressBar(total=max(progress.total, 1), completed=progress.done)
    done = f"{progress.done:,}/{progress.total:,}"
    first.add_row(name, bar, done, left)
    if progress.in_batches:
        return Group(first, Text(progress.said_of_batches(), style="dim"))
    facts = [] if progress.rows_per_second is None else [f"{said_speed(progress.rows_per_second)} rows/s"]
    facts += [f"{progress.kept:,} cached"] if progress.kept else []
    facts += [f"{progress.flight:,} in flight", counted(progress.requests, "request")]
    facts.append(said_use(progress.tokens, progress.cost, progress.unpriced))
    lines: list[Table | Text] = [first, Text(", ".join(facts), style="dim")]
    if progress.failed:
        said = f"{progress.failed:,} failed: {said_reasons(progress.reasons)}"
        lines.append(Text(said, style="red", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)
