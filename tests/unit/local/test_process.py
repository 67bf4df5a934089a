"""The server beside a query: started once, counted, and what is said where it does not start."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from portkey_handler.errors import UsageError
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.host.local_server import served
from portkey_handler.local import process
from portkey_handler.local.process import LocalServer
from portkey_handler.options import EngineConfig


class SlowServer(LocalServer):
    """A process that takes its time to start, and serves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.starting = threading.Event()
        self.may_start = threading.Event()

    def _start(self, folder: Path) -> None:
        self.starting.set()
        assert self.may_start.wait(30)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._owner, self._base_url = process.os.getpid(), "http://127.0.0.1:9/v1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SlowServer:
    """Give the server that queries ask for."""
    found = SlowServer()
    monkeypatch.setattr(process, "SERVER", found)
    return found


LOCAL = GatewayConfig.of_engine(EngineConfig({"base_url": "local"}))


def test_a_query_that_is_cancelled_while_it_starts_is_not_counted(server: SlowServer) -> None:
    """It was, for ever, and the server stayed until the end of the program."""

    async def ask() -> None:
        async with served(LOCAL):
            raise AssertionError("the query was cancelled")

    async def cancelled() -> None:
        query = asyncio.create_task(ask())
        await asyncio.to_thread(server.starting.wait, 30)
        query.cancel()
        await asyncio.gather(query, return_exceptions=True)
        server.may_start.set()

    asyncio.run(cancelled())
    started = server._process
    assert started is not None
    assert server._queries == 0
    server.stop_if_unused()
    assert started.poll() is not None


def test_a_server_in_use_stays(server: SlowServer) -> None:
    """Until its last query has ended."""
    server.may_start.set()

    async def ask() -> None:
        async with served(LOCAL) as there:
            assert there.base_url == "http://127.0.0.1:9/v1"
            server.stop_if_unused()
            assert server._process is not None
            assert server._process.poll() is None

    asyncio.run(ask())
    server.stop_if_unused()
    assert server._process is None


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("print('error: the file is damaged')", "the file is damaged"),
        (
            "raise SystemExit(7)",
            "its server ended before it was ready (exit code 7); `portkey-handler local` shows why",
        ),
        (
            "input()",
            "its server was not ready within 0 s; `portkey-handler local` shows why",
        ),
    ],
)
def test_why_it_did_not_start(
    program: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has ended at once was said to be slow."""
    (tmp_path / "stand_in_server.py").write_text(program, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(process, "_MODULE", "stand_in_server")
    monkeypatch.setattr(process, "model_file", lambda folder: folder / "model.gguf")
    monkeypatch.setattr(process, "check_installed", lambda: None)
    if program == "input()":
        monkeypatch.setattr(process, "_SECONDS", 0.1)
    with pytest.raises(UsageError) as caught:
        LocalServer().start(tmp_path)
    assert caught.value.message == f"base_url = 'local': {why}"
