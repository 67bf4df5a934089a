"""Room for connections under the system's limit of open files."""

from __future__ import annotations

import os
from contextlib import suppress

from ..foreign_text import logger_of
from .concurrency import LARGE_LIMIT, LARGEST_LIMIT

logger = logger_of(__name__)

#: Files that are open beside connections, when nobody can count them, and those that a query still opens.
_USUAL, _FURTHER = 100, 64


def most_in_flight(concurrency: int | None) -> int:
    """Return how many requests the system's limit of open files leaves room for.

    The limit is raised where that is allowed. Where it is not, a warning says so, unless there is room for
    what is usual.

    Args:
        concurrency: How many the user wants; None lets the number adapt.
    """
    wanted = concurrency or LARGEST_LIMIT
    room = room_for(wanted)
    if room < (concurrency or LARGE_LIMIT):
        logger.warning(
            "the system's limit of open files leaves room for %d requests in flight, not %d; "
            "raise it: ulimit -n",
            room,
            concurrency or LARGE_LIMIT,
        )
    return room


def room_for(connections: int) -> int:
    """Raise the process's limit of open files where that is allowed, and return how many connections fit.

    Args:
        connections: How many are wanted.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    others = _open_now() + _FURTHER
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = others + connections
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - others))


def _open_now() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(folder))  # noqa: PTH208 — names alone
    return _USUAL
