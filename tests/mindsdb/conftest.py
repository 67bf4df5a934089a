"""The MindsDB server that the tests ask."""

from __future__ import annotations

from support.fixtures import running_mindsdb

__all__ = ["running_mindsdb"]
