"""An event loop whose clock stands still while something runs and jumps over every wait: hours take moments."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class _Selector(selectors.DefaultSelector):
    loop: _Loop

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; where nothing is, let the time pass that the loop would have waited."""
        ready = super().select(0)
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Return the seconds since the start, by its own clock."""
        return self.now


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in such a loop. It must not talk to sockets or threads, for which nobody waits."""
    loop = _Loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
