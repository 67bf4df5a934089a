"""The storages that a handler gets from the session: of an engine and of a version of a model."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any


class EngineStorage:
    """The storage of an engine, as a handler reads it.

    Args:
        name: The engine's name.
        options: The USING options of CREATE ML_ENGINE, sealed.
    """

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name = name
        self._options = options

    def get_connection_args(self) -> dict[str, Any]:
        """Return a copy of the engine's options, whose texts are secrets."""
        return copy.deepcopy(self._options)

    def __repr__(self) -> str:
        """Show the engine's name only; its options are secret."""
        return f"EngineStorage({self.name!r})"


class ModelStorage:
    """The storage of one version of a model, as a handler reads and writes it.

    Args:
        name: The model's name.
        content: The stored data.
        previous: The storage of the version from which RETRAIN starts.
        saved: Called with name and data after each `json_set`.
    """

    def __init__(
        self,
        name: str,
        content: dict[str, Any] | None = None,
        previous: ModelStorage | None = None,
        saved: Callable[[str, Any], None] | None = None,
    ) -> None:
        self.name = name
        self.previous = previous
        self.content: dict[str, Any] = {} if content is None else content
        self._saved = saved

    def json_set(self, name: str, data: Any) -> None:
        """Store `data`, which must fit into JSON, under `name`."""
        self.content[name] = json.loads(json.dumps(data))
        if self._saved is not None:
            self._saved(name, self.content[name])

    def json_get(self, name: str) -> Any:
        """Return a copy of the data under `name`, or None."""
        return copy.deepcopy(self.content.get(name))

    def __repr__(self) -> str:
        """Show the model's name only."""
        return f"ModelStorage({self.name!r})"
