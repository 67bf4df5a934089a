"""What a person sees while a query runs: the events, and who listens to them.

Data flows one way: the mapper reports, a listener shows. Nothing here can change what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a query is.

    Attributes:
        model: Name of what is asked, for the person who watches.
        done: Rows that have an answer or a reason why not.
        total: Rows of the query.
        failed: Rows among `done` that have a reason.
        requests: HTTP requests sent so far, retries included.
    """

    model: str
    done: int
    total: int
    failed: int
    requests: int


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("portkey_handler_progress", default=None)


def current_listener() -> Listener | None:
    """Return who listens in this context, or None."""
    return _listener.get()


@contextmanager
def watching(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of every query that starts inside the `with` block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
