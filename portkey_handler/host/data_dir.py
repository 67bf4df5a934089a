"""The folder in which this package keeps what outlives a query."""

from __future__ import annotations

import os
from pathlib import Path

from . import adapter as host


def home() -> Path:
    """Return the folder: PORTKEY_HANDLER_HOME, else one in MindsDB's storage, else the user's data folder.

    Never a model's storage folder, which MindsDB wipes. The folder need not exist.
    """
    named = os.environ.get("PORTKEY_HANDLER_HOME")
    if named:
        return Path(named).expanduser()
    root = host.storage_root()
    if root is not None:
        return root / "portkey_handler"
    import platformdirs

    return Path(platformdirs.user_data_dir("portkey_handler", appauthor=False))
