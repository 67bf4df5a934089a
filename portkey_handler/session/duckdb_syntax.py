"""DuckDB's parser: a query to its tree, which is JSON, and back to text. Nothing is run."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from .duckdb_connection import Database


@cache
def _database() -> Database:
    return Database()


def tree_of(text: str) -> dict[str, Any]:
    """Return the tree of a query, or where it is wrong."""
    found: dict[str, Any] = json.loads(_database().value("SELECT json_serialize_sql(?)", text))
    return found


def text_of(query: dict[str, Any]) -> str:
    """Return the text of a query's tree."""
    whole = {"error": False, "statements": [{"node": query, "named_param_map": []}]}
    return str(_database().value("SELECT json_deserialize_sql(?)", json.dumps(whole)))
