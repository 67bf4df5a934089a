"""What a notebook shows: one line that changes while a query runs, and says at its end how it went.

IPython in a terminal has no line that can change; there the terminal's block is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .progress import Progress, current_listener, on_progress


@contextmanager
def shown_in_notebook() -> Iterator[None]:
    """Show how far the queries of the `with` block are, inside IPython, and nothing elsewhere.

    Who is in a notebook has imported IPython before; it is looked for there, and not loaded by this.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else getattr(ipython, "get_ipython", lambda: None)()
    if ipython is None or shell is None or current_listener() is not None:
        yield
    elif getattr(shell, "kernel", None) is None:
        from .terminal import shown_in_terminal

        with shown_in_terminal(ends=True):
            yield
    else:
        with on_progress(_Line(ipython.display.display)):
            yield


class _Line:
    """Listens to queries, one after the other; each has a line of its own."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None

    def __call__(self, progress: Progress) -> None:
        bundle = {"text/plain": str(progress)}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
        if progress.ended is not None:
            self._handle = None
