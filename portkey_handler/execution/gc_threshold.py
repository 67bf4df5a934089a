"""The threshold of the garbage collector while a query runs.

Dozens of requests make their objects in one turn of the event loop. With Python's default threshold of 700
the collector examines these objects again and again, although nearly all are freed without it at the end of
their request. Where the provider answers at once, this costs a seventh of the time of a row.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects, less freed ones, that start a collection; some megabytes of memory.
_THRESHOLD = 20_000

_lock = threading.Lock()
_inside = 0
_before = gc.get_threshold()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Raise the threshold inside the `with` block. Blocks of several threads may overlap.

    A collector that is off, or has a higher threshold already, is left as it is.
    """
    global _inside, _before  # noqa: PLW0603 - the collector is the process's
    with _lock:
        if not _inside:
            _before = gc.get_threshold()
            if 0 < _before[0] < _THRESHOLD:
                gc.set_threshold(_THRESHOLD, *_before[1:])
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and gc.get_threshold()[0] == _THRESHOLD:
                gc.set_threshold(*_before)
