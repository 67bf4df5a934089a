"""A new MindsDB, as README.md, docs/getting-started.md and docs/mindsdb.md tell its user.

Every command of docs/mindsdb.md, and every statement and program of the three pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support.agents import think
from support.clients import HTTPClient
from support.conformance import MindsDBHost, read_script
from support.environments import Environment, build_wheel, contents, mindsdb_environment
from support.gateway import Gateway
from support.hosts import clients, environment, telling
from support.mindsdb import MindsDB
from support.pages import LOCAL_GATEWAY, ROOT, Block, blocks

from portkey_handler.gateway.offline import OfflineProvider

PAGE = ROOT / "docs" / "mindsdb.md"
FIRST_PAGES = (ROOT / "README.md", ROOT / "docs" / "getting-started.md")
#: What stands before Python that is a client of the server.
NEEDS_MINDSDB = "no, because it needs a MindsDB"


class Reader:
    """Does what the pages say, in an environment of his own."""

    def __init__(self, place: Environment, server: MindsDB, wheel: Path, gateway: Gateway) -> None:
        self.place = place
        self.server = server
        self.wheel = wheel
        self.gateway = gateway
        self.said: list[tuple[str, str]] = []

    def type(self, block: Block) -> None:
        """Run commands of the shell; the wheel stands for the checkout that they install."""
        for line in block.text.splitlines():
            command = re.sub(r"^pip install (--upgrade )?\.$", rf"pip install \1{self.wheel}", line)
            self.said.append((line, self.place.shell(command, self.server.variables)))

    def ask(self, page: Path, doctor: str = "portkey-handler doctor") -> str:
        """Run a page's statements and programs, drop what they made, and give what the doctor says of it."""
        host = MindsDBHost(self.server, HTTPClient(self.server))
        names: dict[str, Any] = {"__name__": page.stem}
        for block in blocks(page):
            if block.language == "sql":
                self.run(host, page, block)
            elif block.language == "python" and block.run == NEEDS_MINDSDB:
                self.execute(names, page, block)
        said = self.place.shell(doctor, self.server.variables)
        host.clean()
        return said

    def run(self, host: MindsDBHost, page: Path, block: Block) -> None:
        """Run the statements of a block, but for one that only the session takes, or must fail."""
        if block.run and not block.run.startswith("no, because the session has no "):
            return
        for statement in read_script(block.text):
            try:
                host.run(statement.sql.replace(LOCAL_GATEWAY, self.gateway.base_url))
            except Exception as error:
                raise AssertionError(f"{page.name}:{block.line}: {statement.sql}\n{error}") from error

    def execute(self, names: dict[str, Any], page: Path, block: Block) -> None:
        """Execute a client's program, after those above it; the server has ports of its own."""
        text = block.text.replace("127.0.0.1:47334", f"127.0.0.1:{self.server.port}")
        text = text.replace("127.0.0.1:47335", f"127.0.0.1:{self.server.mysql_port}")
        exec(compile("\n" * block.line + text, page.name, "exec"), names)  # noqa: S102 - our own pages


@pytest.fixture
def reader(
    gateway: Gateway, provider: OfflineProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """Give a reader who has a MindsDB and nothing of this package, and whose server does not run yet."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    place = mindsdb_environment(tmp_path / "venv")
    provider.reset(telling())
    think(provider, "SELECT id FROM files.french LIMIT 1")
    variables = environment(gateway, provider) | clients(gateway, provider)
    server = MindsDB(tmp_path, variables, place.python, install=False)
    return Reader(place, server, build_wheel(tmp_path / "wheel"), gateway)


def test_every_command_and_statement_works(reader: Reader) -> None:
    """From pip install to uninstall, which leaves MindsDB as it was; the doctor finds nothing wrong."""
    mindsdb = reader.place.site / "mindsdb"
    before = contents(mindsdb, caches=False)
    install, *later = [block for block in blocks(PAGE) if block.language == "bash"]
    reader.type(install)
    with reader.server as server:
        server.upload("reviews", ROOT / "examples" / "reviews.csv")
        examined = "".join(map(reader.ask, FIRST_PAGES))
        examined += reader.ask(PAGE, "portkey-handler doctor --model translator")
        for block in later:
            reader.type(block)
    assert [line for line, _ in reader.said] == [
        *("pip install .", "portkey-handler install", "portkey-handler doctor"),
        *("pip install --upgrade .", "portkey-handler install", "portkey-handler doctor"),
        "portkey-handler uninstall",
    ]
    assert contents(mindsdb, caches=False) == before
    assert "model translator" in examined
    for line in examined.splitlines():
        assert line.split()[0] == "ok", line
