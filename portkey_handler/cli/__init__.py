"""The command line: `portkey-handler …`.

Exit codes: 0; 1 when a statement failed; 2 for wrong use. Tables and answers go to stdout, everything else to
stderr.
"""

from __future__ import annotations

import gc
import os
import sys

from ..secret import forgetting
from ..signals import terminated_in_order
from .app import app

from . import queries, shell, demo, looking, server, local  # isort: skip - in this order, commands are listed

__all__ = ["demo", "local", "looking", "main", "queries", "server", "shell"]

#: New objects between two garbage collections; the same number as while a query runs.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


def main() -> None:
    """Run the command line."""
    # The objects of imported modules stay until the end. Examining them again and again, and once more at
    # the exit, takes a fifth of the CPU time of a short statement.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    _open_closed_streams()
    try:
        # `forgetting`, because statements have keys in them.
        with terminated_in_order(), forgetting():
            app()
    finally:
        gc.freeze()


def _open_closed_streams() -> None:
    """Replace streams that the shell has closed (`>&-`), which Python makes None, by the null device."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
