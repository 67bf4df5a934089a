"""What a notebook shows of a query, in a real kernel: one line that changes. And IPython in a terminal."""

from __future__ import annotations

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

    def fail(self, cell: str) -> list[str]:
        """Give the lines that are shown of the error of a cell."""
        shown: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(cell, timeout=60, output_hook=shown.append)
        assert reply["content"]["status"] == "error"
        [error] = [message["content"] for message in shown if message["msg_type"] == "error"]
        return "\n".join(error["traceback"]).splitlines()

    def results(self, cell: str) -> list[dict[str, str]]:
        """Give the values that cells showed, by their kind."""
        shown: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(cell, timeout=60, output_hook=shown.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return [message["content"]["data"] for message in shown if message["msg_type"] == "execute_result"]

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


def test_a_wrong_name_is_one_line(notebook: Notebook) -> None:
    """The message says all; in a function of the user's, a second line says where it was called."""
    notebook.run(SETUP)
    said = "NotFoundError: the model mod does not exist; did you mean mood?"
    assert notebook.fail("session.sql('DESCRIBE mod')") == [said]
    notebook.run("def described(name):\n    return session.sql(f'DESCRIBE {name}')")
    assert notebook.fail("described('mod')") == [said, "  in described, line 2 of its cell"]
    asked = "from portkey_handler import ask\nask(pd.DataFrame({'q': ['a']}), column='x', model='m')"
    assert notebook.fail(asked) == ["InputError: column = 'x' is not among the rows' columns; they have q"]
    awaited = (
        "from portkey_handler import aask\nawait aask(pd.DataFrame({'q': ['a']}), column='x', model='m')"
    )
    assert notebook.fail(awaited) == ["InputError: column = 'x' is not among the rows' columns; they have q"]


def test_what_a_statement_has_done_is_a_word(notebook: Notebook) -> None:
    """Not an empty table; of a dry run the estimate, and not its rows."""
    notebook.run(SETUP)
    [made] = notebook.results("session.sql('CREATE ML_ENGINE f FROM portkey USING check = false')")
    assert made == {"text/plain": "engine f was created", "text/html": "<p>engine f was created</p>"}
    [dry] = notebook.results("session.sql('SELECT m.answer FROM t JOIN mood AS m USING dry_run = true')")
    assert dry["text/plain"].startswith("mood: a dry run, nothing was sent: 12 rows, 12 requests, about ")
    assert "<tr><th>requests</th><td>12</td></tr>" in dry["text/html"]
    assert "NaN" not in dry["text/plain"] + dry["text/html"]


def test_ask_shows_its_line_too(notebook: Notebook) -> None:
    """It is no statement, and takes as long."""
    notebook.run(SETUP)
    cell = "from portkey_handler import ask\nasked = ask(pd.DataFrame({'q': ['a']}), column='q', model='m')"
    shown = notebook.run(cell)
    assert re.match("answer: 1 answered, 1 request, ", shown[-1]["content"]["data"]["text/plain"])


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
