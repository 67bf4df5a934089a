"""What a person at a terminal or in a notebook sees of queries from Python, without configuring the log.

A program that configures logging gets records and nothing else. The handler in MindsDB never comes here: only
`Session`, `ask` and `aask` do.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..foreign_text import visible
from .estimate.dry_run import on_estimate
from .estimate.estimator import Estimate
from .estimate.wording import one_line
from .folding import folded
from .notebook import NotebookLine, is_notebook, running_ipython
from .progress import TERMINAL, Progress, current_listener, on_progress

if TYPE_CHECKING:
    from .terminal import Block

#: The name of this package; MindsDB imports it under another name.
_PACKAGE = __name__.removesuffix(".usage.interactive")
_VARIABLE = "PORTKEY_HANDLER_PROGRESS"


@contextmanager
def shown_to_people() -> Iterator[None]:
    """Show the queries in the `with` block, if a person is watching: their progress, and how they ended.

    Raises:
        UsageError: The variable PORTKEY_HANDLER_PROGRESS is neither 0 nor 1.
    """
    wanted = _wanted()
    if wanted is False or current_listener() is not None:
        yield
        return
    shell = running_ipython()
    if is_notebook(shell):
        with on_progress(NotebookLine()):
            yield
        return
    is_terminal, is_logged = _is_terminal(), _is_logging_configured()
    is_shown = is_terminal and (shell is not None or not is_logged)
    if not is_shown and not (wanted and (is_terminal or not is_logged)):
        yield
        return
    lines = _Lines(with_block=is_terminal)
    # IPython shows the result of a dry run anyway.
    estimates = on_estimate(_write_estimate) if shell is None else nullcontext()
    try:
        with on_progress(lines), estimates:
            yield
    finally:
        lines.close()


def _wanted() -> bool | None:
    """Return what the environment says: shown, not shown, or None where it says nothing.

    Raises:
        UsageError: It says something else.
    """
    said = os.environ.get(_VARIABLE, "").strip()
    if said not in ("", "0", "1"):
        raise UsageError(
            f"the variable {_VARIABLE} is {said[:40]!r}; it takes 0 to show no progress, or 1 to show it "
            "also where a program configures logging"
        )
    return None if not said else said == "1"


def _is_terminal() -> bool:
    """Return whether stderr is a terminal; it may be closed, or None."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def _is_logging_configured() -> bool:
    """Return whether the program hears this package's log: a handler of the package, or of the root."""
    return logging.getLogger(_PACKAGE).hasHandlers()


class _Lines:
    """A listener that writes how each query ended, and in a terminal shows a block while it runs.

    Args:
        with_block: Whether stderr is a terminal.
    """

    def __init__(self, *, with_block: bool) -> None:
        self._with_block = with_block
        self._block: Block | None = None

    def __call__(self, progress: Progress) -> None:
        """Show the progress, or the line about the end."""
        if self._with_block and (progress.ended is None or self._block is not None):
            if self._block is None:
                # Loaded for a query that takes a while, and not for every statement.
                from .terminal import Block

                self._block = Block()
            self._block(progress)
        # Python itself writes a warning to stderr where no logging is configured.
        if progress.ended is not None and not progress.warned:
            _write(progress.ended)

    def close(self) -> None:
        """Remove the block for good."""
        if self._block is not None:
            self._block.close()


def _write_estimate(estimate: Estimate) -> None:
    _write(one_line(estimate))


def _write(line: str) -> None:
    """Write a line to stderr. A closed stderr is ignored, so that no answer is lost."""
    with suppress(OSError, ValueError, AttributeError), TERMINAL:
        print(folded(visible(line), sys.stderr), file=sys.stderr)  # noqa: T201 - a person reads it
