"""The part of the doctor that runs inside the handler that MindsDB loads, in a process of its interpreter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...errors import PortkeyHandlerError
from ...gateway.config_object import check_config
from ...options import resolve_engine
from .. import adapter as host
from .checks import Finding, check_gateway


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the doctor asks for, as JSON objects; no key is among them.

    Args:
        asked: `database`, the address of MindsDB's records, or None; `engines`, names of the engines to
            check, or None for all of them.

    Returns:
        `cache_keeps`: whether MindsDB's predict cache keeps an answer of ours. `engines`: the findings by
        name; None for those that were not checked. `engines_error`: why they cannot be read, or None.
    """
    told: dict[str, Any] = {"cache_keeps": host.cache_keeps(), "engines": {}, "engines_error": None}
    if asked["database"] is not None:
        try:
            stored = host.stored_engines(asked["database"])
        except Exception as error:  # noqa: BLE001 - of SQLAlchemy, a driver, or whoever keeps the secrets
            told["engines_error"] = f"{type(error).__name__}: {error}".partition("\n")[0]
            return told
        for name, arguments in stored.items():
            is_wanted = asked["engines"] is None or name in asked["engines"]
            told["engines"][name] = asdict(_checked(name, arguments)) if is_wanted else None
    return told


def _checked(name: str, arguments: Mapping[str, Any]) -> Finding:
    what = f"engine {name}"
    try:
        credentials, _ = resolve_engine(arguments, os.environ)
        check_config(credentials)
    except PortkeyHandlerError as error:
        remedy = f"create it anew: DROP ML_ENGINE {name}, CREATE ML_ENGINE {name} FROM portkey USING …"
        return Finding(what, "wrong", str(error).partition("\n")[0], remedy)
    return check_gateway(credentials, what)
