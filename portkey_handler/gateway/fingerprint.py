"""Fingerprints of engines: queries with equal fingerprints share cached answers or rate limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..options import OPTIONS, EngineConfig
from ..secret import revealed
from .config import GatewayConfig

#: Options of the gateway that do not change an answer.
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
#: Parts of the names of keys in config objects and headers. Cached answers stay valid with another key.
_KEYS = ("api_key", "api-key", "apikey", "authorization", "token", "secret", "password")


def limits_scope(name: str, engine: EngineConfig) -> str:
    """Return a digest of an engine's name and address, without the options of models and queries.

    Args:
        name: The engine's name.
        engine: The engine's options.
    """
    return engine_fingerprint(name, GatewayConfig.of_engine(engine))


def engine_fingerprint(name: str, gateway: GatewayConfig) -> str:
    """Return a digest of an engine's name and of the destination of its requests, without keys.

    Args:
        name: The engine's name.
        gateway: The gateway configuration of the query.
    """
    decisive = {
        option: _without_keys(revealed(value))
        for option, value in {**gateway.options, "base_url": gateway.identity}.items()
        if option not in _INDIFFERENT
        and value is not None
        and (option in ("config", "headers") or not OPTIONS[option].secret)
    }
    text = json.dumps([name, decisive], sort_keys=True, default=str)
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
