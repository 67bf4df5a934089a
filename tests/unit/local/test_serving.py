"""The models' server, where the models themselves do not answer."""

from __future__ import annotations

import asyncio
import logging
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from portkey_handler.errors import UsageError
from portkey_handler.local.serving import serving

#: Nothing listens there.
GONE: Any = SimpleNamespace(chat_model="small", chat_url="http://127.0.0.1:9")


def test_a_language_model_that_is_gone_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """It was a traceback in the log of another library, and no word in the reply."""

    async def ask() -> tuple[int, Any]:
        async with (
            serving(GONE) as base_url,
            aiohttp.ClientSession() as client,
            client.post(f"{base_url}/chat/completions", json={"model": "small", "messages": []}) as reply,
        ):
            return reply.status, await reply.json()

    with caplog.at_level(logging.WARNING):
        status, body = asyncio.run(ask())
    assert (status, body["error"]["message"]) == (
        502,
        "llama.cpp gives no answer; end this program and start it again",
    )
    assert caplog.messages == []


def test_a_port_that_cannot_be_used() -> None:
    """With the system's reason: it may be in use, or not allowed."""

    async def serve(port: int) -> None:
        async with serving(GONE, port):
            raise AssertionError("the port was free")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            asyncio.run(serve(port))
    assert caught.value.message == (
        f"port {port} of 127.0.0.1 cannot be used: Address already in use; choose another by --port"
    )
