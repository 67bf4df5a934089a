"""The options of USING: their schema, and resolving them to a plan and credentials."""

from __future__ import annotations

from .catalog import OPTIONS, secret_option_names
from .plan import EngineConfig, Origin, Plan, Resolved
from .resolve import overlay, resolve, resolve_engine

__all__ = [
    "OPTIONS",
    "EngineConfig",
    "Origin",
    "Plan",
    "Resolved",
    "overlay",
    "resolve",
    "resolve_engine",
    "secret_option_names",
]
