"""The MindsDB server that the scripts run in."""

from __future__ import annotations

from support.fixtures import running_mindsdb

__all__ = ["running_mindsdb"]
