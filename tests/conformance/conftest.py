"""The two hosts that the scripts run in, one of them seen by several clients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients import CLIENTS
from support.conformance import MindsDBHost, SessionHost
from support.fixtures import running_mindsdb
from support.gateway import Gateway
from support.hosts import environment, telling
from support.mindsdb import MindsDB

from portkey_handler.gateway.offline import OfflineProvider

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


@pytest.fixture(scope="session", params=CLIENTS)
def host(
    request: pytest.FixtureRequest, running_mindsdb: tuple[MindsDB, OfflineProvider]
) -> Iterator[MindsDBHost]:
    """Give the MindsDB server as each of its clients sees it."""
    server, _ = running_mindsdb
    with contextlib.closing(CLIENTS[request.param](server)) as client:
        yield MindsDBHost(server, client)


@pytest.fixture
def mindsdb(
    host: MindsDBHost, running_mindsdb: tuple[MindsDB, OfflineProvider]
) -> Iterator[tuple[MindsDBHost, OfflineProvider]]:
    """Give the MindsDB server, and the stand-in that it reaches."""
    _, provider = running_mindsdb
    provider.reset(telling())
    yield host, provider
    host.clean()
