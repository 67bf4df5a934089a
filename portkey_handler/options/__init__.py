"""The options of USING: their schema, and how they are resolved to a plan and an engine configuration."""

from __future__ import annotations

from .catalog import OPTIONS, secret_option_names
from .engine_config import EngineConfig
from .names import check_new_names
from .plan import Origin, Plan, Resolved
from .resolve import overlay, resolve, resolve_engine

#: The name in earlier versions.
Credentials = EngineConfig

__all__ = [
    "OPTIONS",
    "Credentials",
    "EngineConfig",
    "Origin",
    "Plan",
    "Resolved",
    "check_new_names",
    "overlay",
    "resolve",
    "resolve_engine",
    "secret_option_names",
]
