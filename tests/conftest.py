"""Fixtures that every room of the tests shares."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import unavailable
from support.gateway import Gateway, GatewayUnavailableError

import portkey_handler
from portkey_handler.gateway.offline import OfflineProvider


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers of what takes long."""
    config.addinivalue_line("markers", "slow: starts programs or tries many cases; make unit leaves it out")
    config.addinivalue_line("markers", "soak: takes minutes; runs with SOAK=1 (make soak)")


def pytest_report_header() -> str:
    """Say which package is tested: the one of the checkout, or an installed wheel."""
    return f"portkey_handler: {Path(portkey_handler.__file__).parent}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if os.environ.get("SOAK") == "1":
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the developer's keys and journal out of the tests."""
    for name in list(os.environ):
        if name.startswith("PORTKEY_") and not name.startswith("PORTKEY_TEST_"):
            monkeypatch.delenv(name)
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(home))


@pytest.fixture(scope="session")
def _running_provider() -> Iterator[OfflineProvider]:
    with OfflineProvider() as provider:
        yield provider


@pytest.fixture
def provider(_running_provider: OfflineProvider) -> OfflineProvider:
    """Give the stand-in provider, as if freshly started."""
    _running_provider.reset()
    return _running_provider


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """Give the real gateway; where it can't be had the test skips, or fails in CI."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(Gateway())
        except GatewayUnavailableError as reason:
            unavailable(str(reason))
        yield running
