"""Progress in a notebook: one line that is updated while a query runs and ends with the summary."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .progress import Progress


def running_ipython() -> Any:
    """Return the IPython shell that runs this program, or None.

    IPython is not imported here: inside a notebook it is loaded already.
    """
    ipython = sys.modules.get("IPython")
    return None if ipython is None else getattr(ipython, "get_ipython", lambda: None)()


def is_notebook(shell: Any) -> bool:
    """Return whether a shell shows its output in a notebook; IPython in a terminal cannot update a line."""
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """A listener that shows each query on a line of its own."""

    def __init__(self) -> None:
        self._display: Callable[..., Any] = sys.modules["IPython"].display.display
        self._handle: Any = None

    def __call__(self, progress: Progress) -> None:
        """Show or update the line."""
        bundle = {"text/plain": str(progress)}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
        if progress.ended is not None:
            self._handle = None
