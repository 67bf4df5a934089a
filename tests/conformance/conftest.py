"""The two hosts that the scripts run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.conformance import MindsDBHost, SessionHost
from support.fixtures import running_mindsdb
from support.gateway import Gateway
from support.hosts import environment, telling
from support.mindsdb import MindsDB

from portkey_handler.offline import OfflineProvider

__all__ = ["running_mindsdb"]


@pytest.fixture
def session(
    tmp_path: Path, gateway: Gateway, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> tuple[SessionHost, OfflineProvider]:
    """Give an embedded session, and the stand-in that it reaches."""
    provider.reset(telling())
    for name, value in environment(gateway, provider).items():
        monkeypatch.setenv(name, value)
    return SessionHost(tmp_path), provider


@pytest.fixture
def mindsdb(
    running_mindsdb: tuple[MindsDB, OfflineProvider],
) -> Iterator[tuple[MindsDBHost, OfflineProvider]]:
    """Give the MindsDB server, and the stand-in that it reaches."""
    server, provider = running_mindsdb
    provider.reset(telling())
    host = MindsDBHost(server)
    yield host, provider
    host.clean()
