"""The body parameters that the endpoint of a mode documents."""

from __future__ import annotations

from .endpoint_parameters import PARAMETERS


def is_parameter(mode: str | None, name: str) -> bool:
    """Return whether the endpoint of `mode` documents a parameter of that name; of any mode, if None."""
    if mode is None:
        return is_parameter_of_any_mode(name)
    return name in PARAMETERS.get(mode, {})


def is_parameter_of_any_mode(name: str) -> bool:
    """Return whether any endpoint documents a parameter of that name."""
    return any(name in parameters for parameters in PARAMETERS.values())
