"""Progress in a notebook: one line that is updated while a query runs and ends with the summary.

IPython in a terminal cannot update a line, so it shows the block of `terminal` instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .progress import Progress, current_listener, on_progress


@contextmanager
def shown_in_notebook() -> Iterator[None]:
    """Show the progress of the queries in the `with` block inside IPython, and nothing elsewhere.

    IPython is not imported here: inside a notebook it is loaded already.
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
    """A listener that shows each query on a line of its own."""

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
