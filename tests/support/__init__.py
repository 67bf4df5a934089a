"""What several rooms of the tests share."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip because something can't be had here; in CI (`CI=true`) that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (a skip is a failure with CI=true)", pytrace=False)
    pytest.skip(reason)
