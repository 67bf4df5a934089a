"""SIGTERM and SIGHUP end a block in order, as Ctrl-C does: what is half done is cleared away."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator


class Terminated(BaseException):
    """SIGTERM or SIGHUP has come.

    Attributes:
        signal: Its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextlib.contextmanager
def terminated_in_order() -> Iterator[None]:
    """Raise `Terminated` inside the block when such a signal comes, and then end the process by that signal.

    A signal that somebody else handles, such as a block around this one, stays theirs. So do all signals
    where this is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _frame: object) -> None:
        raise Terminated(number)

    for number in ours:
        signal.signal(number, end)
    came: int | None = None
    try:
        yield
    except Terminated as error:
        if not ours:
            raise
        came = error.signal
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    if came is not None:
        os.kill(os.getpid(), came)
