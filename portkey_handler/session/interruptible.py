"""Ctrl-C during a query of DuckDB, which itself looks for signals only now and then."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

#: Seconds in which DuckDB ends a query that was interrupted.
_ENDING = 10.0


def interruptible(connection: Any, work: Callable[[], _T]) -> _T:
    """Run work of a DuckDB connection; an interrupt of the main thread ends it and is raised at once.

    Python handles signals in the main thread only, and not while DuckDB computes there. So the work is done
    in a thread of its own while the main thread waits.

    Args:
        connection: The connection, for which nothing else runs meanwhile.
        work: The work.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    found: list[_T] = []
    failed: list[BaseException] = []
    done = threading.Event()  # an interrupted join does not wait a second time

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(run,), name="portkey_handler duckdb", daemon=True
    )
    thread.start()
    try:
        done.wait()
    except BaseException:
        connection.interrupt()
        done.wait(_ENDING)
        raise
    if failed:
        raise failed.pop()
    return found.pop()
