"""The data directory: the folder of the answer cache, the run history and the rate limits."""

from __future__ import annotations

import os
from pathlib import Path

from . import adapter as host


def data_dir() -> Path:
    """Return PORTKEY_HANDLER_HOME, else a folder in MindsDB's storage, else one in the user's data folder.

    It is never the storage folder of a model, which MindsDB deletes. It may not exist yet.
    """
    named = os.environ.get("PORTKEY_HANDLER_HOME")
    if named:
        return Path(named).expanduser()
    root = host.storage_root()
    if root is not None:
        return root / "portkey_handler"
    import platformdirs

    return Path(platformdirs.user_data_dir("portkey_handler", appauthor=False))
