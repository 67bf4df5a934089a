"""The garbage collector while a query runs.

Dozens of requests make their objects in the same turn of the loop. With Python's own threshold of 700 the
collector takes them for survivors and looks through them again and again, which costs a seventh of the time
of a row whose provider answers at once; nearly all of them go without it, when their request is over.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects, less those that are gone, before the collector looks at them; some megabytes.
_THRESHOLD = 20_000

_lock = threading.Lock()
_inside = 0
_before = gc.get_threshold()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector wait for more objects inside the `with` block; several at once share it.

    Who has turned the collector off, or made it wait longer already, is left alone.
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
