"""The storages that a host hands to the handler, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portkey_handler.handler import PortkeyHandler


class EngineStorage:
    """What CREATE ML_ENGINE was given; replace `arguments` to change the engine."""

    def __init__(self, arguments: Mapping[str, Any] | None = None, name: str = "portkey_engine") -> None:
        self.arguments = arguments
        self.name = name
        self.reads = 0

    def get_connection_args(self) -> Mapping[str, Any] | None:
        """Give the engine's arguments, and count how often somebody asked."""
        self.reads += 1
        return self.arguments


class ModelStorage:
    """The records of one version of a model; JSON on the way in and out, as a host keeps them.

    Attributes:
        previous: The version that a RETRAIN starts from.
        records: Name to JSON text.
    """

    def __init__(self, previous: ModelStorage | None = None, name: str = "portkey_model") -> None:
        self.previous = previous
        self.name = name
        self.records: dict[str, str] = {}

    def json_set(self, name: str, value: Any) -> None:
        """Keep a record."""
        self.records[name] = json.dumps(value)

    def json_get(self, name: str) -> Any:
        """Give a record, or None."""
        return json.loads(self.records[name]) if name in self.records else None


def make_handler(
    engine: Mapping[str, Any] | None = None,
    using: Mapping[str, Any] | None = None,
    *,
    target: str = "answer",
    previous: ModelStorage | None = None,
) -> PortkeyHandler:
    """Give a handler; with `using`, after CREATE MODEL (or RETRAIN, where there is a version before)."""
    handler = PortkeyHandler(ModelStorage(previous), EngineStorage(engine))
    if using is not None:
        handler.create(target, args={"target": target, "using": dict(using)})
    return handler
