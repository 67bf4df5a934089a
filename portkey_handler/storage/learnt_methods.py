"""The file that remembers by which method a language model gives typed answers, for later queries."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from .private_files import make_private, replace_file

#: Seconds after which it is learnt anew, because providers and servers change.
_KEPT = 7 * 86_400.0
_MOST_MODELS = 200


class LearntMethods:
    """The methods that queries through one engine have learnt.

    A problem with the file is no error: the next query learns again.

    Args:
        path: The file. It and its folder are made where they are missing, readable by their owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, model: str) -> str | None:
        """Return the method of a language model; None where none was learnt, or long ago."""
        method = self._read().get(model, (None,))[0]
        return method if isinstance(method, str) else None

    def put(self, model: str, method: str) -> None:
        """Remember the method of a language model."""
        known = {**self._read(), model: (method, time.time())}
        newest = dict(sorted(known.items(), key=lambda entry: entry[1][1])[-_MOST_MODELS:])
        with contextlib.suppress(OSError):
            make_private(self._path.parent.parent, self._path.parent)
            replace_file(self._path, json.dumps(newest).encode())

    def _read(self) -> dict[str, Any]:
        """Return the method and the moment of each model, without those that are too old."""
        try:
            found = json.loads(self._path.read_bytes())
            oldest = time.time() - _KEPT
            return {str(name): (one[0], one[1]) for name, one in found.items() if float(one[1]) > oldest}
        except (OSError, ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
            return {}
