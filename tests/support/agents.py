"""The model that an agent of MindsDB's asks."""

from __future__ import annotations

import json
from typing import Any

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.gateway.offline.fitting import fitting, schema_asked_for


def think(provider: OfflineProvider, query: str) -> None:
    """Let the provider do what an agent's model does: fill in what tools ask for, with this query."""
    others = provider.behaviour.answer

    def answer(body: dict[str, Any]) -> str:
        schema = schema_asked_for(body)
        if schema is None:
            return others(body)
        filled = fitting(schema, "some words")
        if "sql_query" in filled:
            filled |= {"type": "final_query", "sql_query": query}
        return json.dumps(filled)

    provider.behaviour.answer = answer
