"""Fixtures for the folders whose tests ask a real MindsDB: one server for all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from portkey_handler.gateway.offline import OfflineProvider

from . import unavailable
from .gateway import Gateway
from .hosts import shared
from .mindsdb import MindsDB, MindsDBUnavailable


@pytest.fixture(scope="session")
def running_mindsdb(gateway: Gateway) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server and the stand-in that it reaches; where it can't be had the test skips."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(shared.running(gateway))
        except MindsDBUnavailable as reason:
            unavailable(str(reason))
        yield running
