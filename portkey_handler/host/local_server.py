"""`base_url = 'local'`: the server on this machine that a query or a probe asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import UsageError
from ..gateway.client import check_engine
from ..gateway.config import GatewayConfig
from ..options import EngineConfig
from .adapter import runs_in_mindsdb
from .data_dir import data_dir


@asynccontextmanager
async def served(gateway: GatewayConfig) -> AsyncIterator[GatewayConfig]:
    """Give the configuration by which requests are sent: the same, or that of the server on this machine.

    Raises:
        UsageError: There is no such server, or no place for one.
    """
    if not gateway.is_local:
        yield gateway
        return
    refuse_in_mindsdb()
    from ..local.process import SERVER

    # In a thread, because the first time a file is fetched. The thread goes on where the query is cancelled
    # meanwhile, so that it must not be what counts the query.
    await asyncio.to_thread(SERVER.start, data_dir())
    with SERVER.used(data_dir()) as base_url:
        yield gateway.at(base_url)


async def probe(engine: EngineConfig) -> None:
    """Probe the gateway of an engine once, or start the server on this machine.

    Raises:
        AuthenticationError: The key was rejected.
        ConnectError: The gateway cannot be reached.
        UsageError: There is no server on this machine, or no place for one.
    """
    gateway = GatewayConfig.of_engine(engine)
    if not gateway.is_local:
        await check_engine(engine)
        return
    async with served(gateway):
        pass


def refuse_in_mindsdb() -> None:
    """Refuse a server that would belong to a worker of MindsDB, of which there are many.

    Raises:
        UsageError: This is MindsDB.
    """
    if runs_in_mindsdb():
        raise UsageError(
            "base_url = 'local' is for the session and for Python; for MindsDB run `portkey-handler local` "
            "on its machine, and write the address that it shows: base_url = 'http://127.0.0.1:8788/v1'"
        )
