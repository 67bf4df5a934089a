"""What a notebook shows of a query, in a real kernel: one line that changes. And IPython in a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.terminal import Terminal

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

SETUP = """
import pandas as pd
from portkey_handler.session import Session

session = Session()
session.register("t", pd.DataFrame({"q": [f"question {row}" for row in range(12)]}))
session.sql(\"\"\"
    CREATE ML_ENGINE e FROM portkey;
    CREATE MODEL mood PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o-mini', concurrency = 4
\"\"\")
"""
ASK = "answers = session.sql('SELECT m.answer FROM t JOIN mood AS m')"
LINE = r"mood: \d+ of 12 rows \(\d+ %\), ([\d.]+ rows/s, )?\d+ requests?, \d+ tokens, \$[\d.]+, 4 in flight"
END = r"mood: 12 answered, 12 requests, \d+ tokens, \$0\.0+\d\d, \d\.\d s"


class Notebook:
    """Runs cells in a kernel of its own, and gives what they showed."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, cell: str) -> list[dict[str, Any]]:
        """Give the messages of what a cell showed, in order.

        Raises:
            AssertionError: The cell failed.
        """
        shown: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(cell, timeout=60, output_hook=shown.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return [
            message for message in shown if message["msg_type"] in ("display_data", "update_display_data")
        ]


@pytest.fixture
def notebook(
    tmp_path: Path, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    """Give a kernel that reaches a slow stand-in."""
    from jupyter_client.manager import start_new_kernel

    provider.behaviour.latency = 0.3
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield Notebook(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_one_line_changes_until_the_end(notebook: Notebook) -> None:
    """The first event makes a line, the others change it, and at the end it says how it went."""
    assert notebook.run(SETUP) == []
    first, *others = notebook.run(ASK)
    assert first["msg_type"] == "display_data"
    assert {message["msg_type"] for message in others} == {"update_display_data"}
    assert len({message["content"]["transient"]["display_id"] for message in [first, *others]}) == 1
    said = [message["content"]["data"]["text/plain"] for message in [first, *others]]
    assert all(re.match(LINE, line) for line in said[:-1]), said
    assert re.fullmatch(END, said[-1])
    again = notebook.run(ASK)
    assert [message["msg_type"] for message in again] == ["display_data"]
    assert "12 of them cached" in again[0]["content"]["data"]["text/plain"]


def test_who_watches_himself_is_not_shown_a_line(notebook: Notebook) -> None:
    """Events go to the listener of the `with` block, and nowhere else."""
    notebook.run(SETUP)
    cell = (
        "from portkey_handler.usage.progress import on_progress\n"
        f"heard = []\nwith on_progress(heard.append):\n    {ASK}\nassert heard"
    )
    assert notebook.run(cell) == []


def test_ipython_in_a_terminal_shows_the_block(provider: OfflineProvider, tmp_path: Path) -> None:
    """Where no line can change, the terminal's block lives while rows are asked, and one line is left."""
    provider.behaviour.latency = 0.3
    script = tmp_path / "cell.py"
    script.write_text(SETUP + ASK)
    environment = {"PORTKEY_BASE_URL": provider.base_url, "IPYTHONDIR": str(tmp_path)}
    with Terminal("-m", "IPython", "--quick", str(script), environment=environment) as terminal:
        terminal.wait_for(lambda seen: any("in flight" in line for line in seen.lines))
        assert terminal.finish() == 0
        (end,) = terminal.lines
        assert not terminal.screen.cursor.hidden
    assert re.fullmatch(END, end)


def test_without_ipython_it_is_not_loaded(provider: OfflineProvider, tmp_path: Path) -> None:
    """A script that uses a session loads nothing of IPython or of the terminal, and shows nothing."""
    script = tmp_path / "script.py"
    # Not rich: the SDK's HTTP client loads it where click is installed.
    ours = "portkey_handler.usage.terminal"
    script.write_text(f"{SETUP}\n{ASK}\nimport sys\nassert not {{'IPython', '{ours}'}} & set(sys.modules)\n")
    environment = {**os.environ, "PORTKEY_BASE_URL": provider.base_url}
    with Terminal(str(script), environment=environment) as terminal:
        assert terminal.finish() == 0
        assert terminal.lines == []
