"""Test your own code without a provider: a stand-in answers on loopback, and nothing is paid.

With pytest, name this module in `conftest.py`, and take the fixture `portkey_provider`::

    pytest_plugins = ["portkey_handler.testing"]

Elsewhere use `stand_in` in a `with` block. It is no plugin that pytest finds by itself: that would load it,
and rewrite all of this package, in every test run of the environment. PYTEST_DONT_REWRITE: no assertions.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeGuard

from .gateway.config import everything_to
from .gateway.offline import Behaviour, Fault, OfflineProvider, RecordedRequest, embedding, last_text

__all__ = [
    "Behaviour",
    "Fault",
    "OfflineProvider",
    "RecordedRequest",
    "embedding",
    "last_text",
    "portkey_provider",
    "prompts",
    "stand_in",
]


@contextmanager
def stand_in(home: str | Path | None = None) -> Iterator[OfflineProvider]:
    """Let a stand-in provider answer what is asked inside the `with` block; give the provider.

    The environment names it (`PORTKEY_BASE_URL`) and an answer cache of its own (`PORTKEY_HANDLER_HOME`). All
    other variables `PORTKEY_…`, keys among them, are taken away, and all are put back at the end. It is asked
    in place of every gateway, also where an engine has an address of its own.

    Args:
        home: The folder of the answer cache and the run history; None: a temporary one.
    """
    with (
        tempfile.TemporaryDirectory(prefix="portkey_handler-", ignore_cleanup_errors=True) as temporary,
        OfflineProvider() as provider,
        _environment(PORTKEY_BASE_URL=provider.base_url, PORTKEY_HANDLER_HOME=str(home or temporary)),
        everything_to(provider.base_url),
    ):
        yield provider


def prompts(provider: OfflineProvider) -> list[str]:
    """Return the text of each prompt that was asked, in order of arrival, retries included.

    Of a conversation it is the last text of the user; of embeddings each text of a request.
    """
    found: list[str] = []
    for body in (request.body for request in provider.requests):
        if isinstance(body, dict):
            texts = body.get("input")
            found += [texts] if isinstance(texts, str) else texts if _are_texts(texts) else [last_text(body)]
    return found


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("PORTKEY_")}
    _replace(before, variables)
    try:
        yield
    finally:
        _replace([name for name in os.environ if name.startswith("PORTKEY_")], before)


def _replace(old: Iterable[str], new: Mapping[str, str]) -> None:
    for name in old:
        del os.environ[name]
    os.environ.update(new)


with suppress(ImportError):  # `stand_in` works without pytest
    import pytest

    @pytest.fixture
    def portkey_provider() -> Iterator[OfflineProvider]:
        """Give a stand-in provider that answers in this test; see `stand_in`."""
        with stand_in() as provider:
            yield provider
