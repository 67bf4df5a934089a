"""Fingerprints of an engine: queries of equal fingerprints share cached answers, or rate limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..options import OPTIONS, EngineConfig
from ..options.routing import CONFIG_WORDS
from .client import address
from .config import gateway_options

#: Options of the gateway that have no part in the answer.
_INDIFFERENT = frozenset(
    {
        "allowed_paths",
        "cache",
        "cache_force_refresh",
        "cache_max_age",
        "cache_namespace",
        "forward_headers",
        "metadata",
        "request_timeout",
        "retry",
        "trace_id",
    }
)
#: Parts of config objects and headers that are keys: an answer outlives the change of a key.
_KEYS = ("api_key", "api-key", "apikey", "authorization", "token", "secret", "password")


def limits_scope(engine: str, credentials: EngineConfig) -> str:
    """Return a digest of an engine's name and of where it stands; whatever is chosen below it has no part.

    Args:
        engine: The engine's name.
        credentials: The engine's options.
    """
    own = {name: value for name, value in credentials.options.items() if name not in CONFIG_WORDS}
    return _digest(engine, {**own, "base_url": address(credentials)})


def engine_fingerprint(engine: str, credentials: EngineConfig, routing: Mapping[str, Any]) -> str:
    """Return a digest of an engine's name and of where its requests go; no key has a part in it.

    Args:
        engine: The engine's name.
        credentials: The engine's options.
        routing: Gateway options given below the engine.
    """
    options = gateway_options(credentials.options, routing)
    return _digest(engine, {**options, "base_url": address(credentials)})


def _digest(engine: str, options: Mapping[str, Any]) -> str:
    decisive = {
        name: _without_keys(value)
        for name, value in options.items()
        if name not in _INDIFFERENT
        and value is not None
        and (name in ("config", "headers") or not OPTIONS[name].secret)
    }
    text = json.dumps([engine, decisive], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _without_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_keys(inner)
            for name, inner in value.items()
            if name not in _INDIFFERENT and not any(word in str(name).lower() for word in _KEYS)
        }
    if isinstance(value, list):
        return [_without_keys(inner) for inner in value]
    return value
