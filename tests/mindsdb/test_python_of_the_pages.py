"""Python on the pages that needs a MindsDB: it works as it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hosts import telling
from support.mindsdb import MindsDB
from support.pages import NEEDS_MINDSDB, ROOT, blocks, pages_with

from portkey_handler.offline import OfflineProvider


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with what the pages have made by SQL before."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server, provider = running_mindsdb
    provider.reset(telling())
    with contextlib.ExitStack() as dropped:
        if "reviews" not in set(server.query("SHOW TABLES FROM files").iloc[:, 0]):
            server.upload("reviews", ROOT / "examples" / "reviews.csv")
            dropped.callback(server.query, "DROP TABLE files.reviews")
        server.query("CREATE ML_ENGINE portkey_engine FROM portkey")
        dropped.callback(server.query, "DROP ML_ENGINE portkey_engine")
        server.query(
            "CREATE MODEL translator PREDICT translation USING engine = 'portkey_engine', "
            "prompt_template = 'Translate into {{language}}: {{text}}'"
        )
        dropped.callback(server.query, "DROP MODEL translator")
        server.wait_for_model("translator")
        yield running_mindsdb


@pytest.mark.parametrize("page", pages_with("python", run=NEEDS_MINDSDB))
def test_python_runs(page: Path, server: tuple[MindsDB, OfflineProvider]) -> None:
    """Every block works, after those above it; the running server takes the place of the one named there."""
    mindsdb, provider = server
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        if block.language == "python" and block.run == NEEDS_MINDSDB:
            text = block.text.replace("1:47334", f"1:{mindsdb.port}")
            text = text.replace("1:47335", f"1:{mindsdb.mysql_port}")
            exec(compile("\n" * block.line + text, page.name, "exec"), names)  # noqa: S102 - our own pages
    assert any(request.method == "POST" for request in provider.requests)
