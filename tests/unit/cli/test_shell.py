"""The shell in a pseudo-terminal, as a person uses it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyte
import pytest

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

SETUP = (
    "CREATE ML_ENGINE e FROM portkey;",
    "CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question', model = 'stand-in';",
)


class Terminal:
    """A terminal of 100 columns in which the shell runs.

    Attributes:
        process: The shell.
    """

    def __init__(self, *words: str, home: Path, **environment: str) -> None:
        self._screen = pyte.HistoryScreen(100, 60, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self._controller, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portkey_handler", "shell", *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "COLUMNS": "100",
                "LINES": "60",
                "PORTKEY_HANDLER_HOME": str(home),
                **environment,
            },
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        os.close(terminal)

    def text(self) -> str:
        """Return what the screen shows."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, words: str, seconds: float = 30) -> str:
        """Read until the screen shows words; return all of it."""
        until = time.monotonic() + seconds
        while words not in self.text():
            left = until - time.monotonic()
            assert left > 0, f"{words!r} is not shown:\n{self.text()}"
            if select.select([self._controller], [], [], min(left, 0.2))[0]:
                try:
                    data = os.read(self._controller, 65_536)
                except OSError:
                    data = b""
                if b"\x1b[6n" in data:  # where is the cursor? prompt_toolkit asks
                    os.write(self._controller, b"\x1b[1;1R")
                self._stream.feed(data)
        return self.text()

    def type(self, words: str) -> None:
        """Type words and Enter."""
        os.write(self._controller, words.encode() + b"\r")

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._controller, keys)

    def clear(self) -> None:
        """Forget what was shown."""
        self._screen.reset()

    def close(self) -> None:
        """End the shell."""
        self.process.kill()
        self.process.wait()
        os.close(self._controller)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with a table."""
    folder = tmp_path / "files"
    folder.mkdir()
    rows = pd.DataFrame({"id": range(60), "question": [f"question {number}" for number in range(60)]})
    rows.to_csv(folder / "questions.csv", index=False)
    return folder


@pytest.fixture
def terminal(provider: OfflineProvider, files: Path, tmp_path: Path) -> Iterator[Terminal]:
    """Give the shell, ready to be typed into."""
    opened = Terminal("--files", str(files), home=tmp_path / "home", PORTKEY_BASE_URL=provider.base_url)
    opened.wait_for("sql>")
    yield opened
    opened.close()


def test_statements_say_what_they_have_done(terminal: Terminal) -> None:
    """A line after each; rows as a table; an error once, and the shell goes on."""
    for statement in SETUP:
        terminal.type(statement)
    terminal.wait_for("model m was created")
    terminal.type("SELECT answer FROM m WHERE question = 'Hi';")
    shown = terminal.wait_for("1 row")
    assert "engine e was created" in shown
    terminal.clear()
    terminal.type("SELECT 1 FROM WHERE 'mine' = 2;")
    shown = terminal.wait_for("^")
    assert shown.count("syntax error") == 1
    lines = [line.rstrip() for line in shown.splitlines()]
    place = next(
        number for number, line in enumerate(lines) if line.startswith("syntax error in line 1, column 15")
    )
    assert lines[place + 1] == "LINE 1: SELECT 1 FROM WHERE '******' = 2"
    assert lines[place + 2] == "                      ^"
    terminal.type("SELECT 42 AS found;")
    terminal.wait_for("│ 42")


def test_ctrl_c_ends_the_statement_and_not_the_shell(terminal: Terminal, provider: OfflineProvider) -> None:
    """Engines and models stay, what was answered is kept, and the same statement goes on."""
    for statement in SETUP:
        terminal.type(statement)
    terminal.wait_for("model m was created")
    provider.behaviour.latency = 0.4
    terminal.type("SELECT count(m.answer) AS n FROM files.questions AS t JOIN m;")
    until = time.monotonic() + 30
    while len(posts(provider)) < 12 and time.monotonic() < until:
        time.sleep(0.05)
    terminal.press(b"\x03")
    os.killpg(terminal.process.pid, signal.SIGINT)  # as the terminal's driver does
    terminal.wait_for("interrupted; engines, models and answers are kept")
    assert terminal.process.poll() is None
    provider.behaviour.latency = 0.0
    before = len(posts(provider))
    terminal.clear()
    terminal.type("SELECT count(m.answer) AS n FROM files.questions AS t JOIN m;")
    terminal.wait_for("│ 60")
    assert 8 <= before < 60
    assert len(posts(provider)) == 60


def posts(provider: OfflineProvider) -> list[object]:
    """Return the requests that were paid."""
    return [request for request in provider.requests if request.method == "POST"]


def test_ctrl_c_at_the_prompt_drops_the_line(terminal: Terminal) -> None:
    """And nothing else; Ctrl-D leaves."""
    terminal.press(b"SELECT something unfinished\x03")
    terminal.type("SELECT 43 AS found;")
    terminal.wait_for("│ 43")
    terminal.press(b"\x04")
    assert terminal.process.wait(20) == 0


def test_commands(terminal: Terminal) -> None:
    """Each is answered; one that is none gets the nearest one."""
    terminal.type("help")
    terminal.wait_for("Ctrl-C ends a running statement")
    terminal.type("CREATE VIEW few AS (SELECT 1 AS x);")
    terminal.wait_for("the view few was created")
    terminal.type("\\d")
    terminal.wait_for("questions")
    terminal.wait_for("VIEW  ")
    terminal.type("\\d files.questions")
    terminal.wait_for("VARCHAR")
    terminal.clear()
    terminal.type("\\x")
    terminal.wait_for("\\x is on: records")
    terminal.type("SELECT 1 AS one, 'text' AS two;")
    shown = terminal.wait_for("two | text")
    assert "-[ 1 ]" in shown
    terminal.type("\\timing")
    terminal.wait_for("\\timing is on")
    terminal.type("\\timin")
    shown = terminal.wait_for("\\timin is no command; did you mean \\timing?")
    assert "ms" not in shown  # a command is no statement
    terminal.type("SELECT 5 AS five;")
    terminal.wait_for(" ms")
    terminal.type("\\q")
    assert terminal.process.wait(20) == 0


def test_history_outlives_the_shell_and_has_no_keys(
    terminal: Terminal, provider: OfflineProvider, files: Path, tmp_path: Path
) -> None:
    """The line before comes by the arrow key, also in the next shell; statements with keys are not kept."""
    terminal.type(
        "CREATE ML_ENGINE k FROM portkey USING portkey_api_key = 'pk-canary-1234567890', check = false;"
    )
    terminal.wait_for("engine k was created")
    terminal.type("SELECT 44 AS found;")
    terminal.wait_for("│ 44")
    terminal.type("exit")
    assert terminal.process.wait(20) == 0
    history = tmp_path / "home" / "shell_history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "SELECT 44" in history.read_text(encoding="utf-8")
    assert "canary" not in history.read_text(encoding="utf-8")
    again = Terminal("--files", str(files), home=tmp_path / "home", PORTKEY_BASE_URL=provider.base_url)
    try:
        again.wait_for("sql>")
        again.press(b"\x1b[A\x1b[A\r")  # before `exit`
        again.wait_for("│ 44")
    finally:
        again.close()


def test_completion(terminal: Terminal) -> None:
    """Tab completes the names of tables."""
    terminal.press(b"SELECT count(*) AS n FROM files.que\t")
    terminal.wait_for("files.questions")
    terminal.press(b";\r")
    terminal.wait_for("│ 60")


def test_a_pipe_is_read_without_a_terminal(provider: OfflineProvider, files: Path) -> None:
    """Statements from a pipe, without history or prompts."""
    done = subprocess.run(
        [sys.executable, "-m", "portkey_handler", "shell", "--files", str(files)],
        input="SELECT 45\n AS found;\nSELECT count(*) AS n FROM files.questions;\n",
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "│ 45    │" in done.stdout
    assert "│ 60 │" in done.stdout
    assert "sql>" not in done.stdout


def piped(content: bytes, files: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the shell with its standard input from a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "portkey_handler", "shell", "--files", str(files)],
        input=content,
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_description_followed_by_a_statement_runs_both(files: Path) -> None:
    r"""`\d x; SELECT …` ended the shell with a traceback."""
    done = piped(b"\\d files.questions; SELECT 46 AS found\nSELECT 47 AS after;\n", files)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert "│ question    │" in shown
    assert "│ 46    │" in shown
    assert "│ 47" in shown


def test_input_that_is_not_utf_8_is_an_error(files: Path) -> None:
    """Of ours, whatever the locale; a byte order mark is none of the statement."""
    done = piped(b"\xef\xbb\xbfSELECT 48 AS found;\r\nSELECT '\xe9' AS x;\n", files, LC_ALL="C")
    assert done.returncode == 1
    assert "│ 48" in done.stdout.decode()
    assert done.stderr.decode().splitlines()[-1] == (
        "standard input is not UTF-8; write UTF-8, or give the statements to portkey-handler run - --encoding NAME"
    )


def test_a_long_statement_is_read_once(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its lines were read again for each line: a thousand of them took 17 seconds."""
    looked: list[int] = []
    from portkey_handler.cli import shell
    from portkey_handler.session import Session

    is_complete = shell._is_complete
    monkeypatch.setattr(shell, "_is_complete", lambda text: looked.append(len(text)) or is_complete(text))
    lines = ["SELECT * FROM (VALUES", *("('a; b'),",) * 500, "('c')) AS t(x) -- a; b", "LIMIT 1; -- the end"]
    waiting = iter(lines)

    def read(_prompt: str) -> str:
        for line in waiting:
            return line
        raise EOFError

    monkeypatch.setattr("portkey_handler.cli.shell_input.reader", lambda _session: read)
    with Session(files=files) as session:
        assert list(shell.Shell(session)._inputs()) == ["\n".join(lines)]
    assert len(looked) == 1


def test_offline_asks_nobody_else(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """A recipe can be typed without a key: a stand-in answers, with answers of use."""
    statements = """
        CREATE ML_ENGINE e FROM portkey;
        CREATE MODEL m PREDICT mood USING engine = 'e', column = 'question', model = 'stand-in',
            system_prompt = 'Is it positive or negative?';
        SELECT mood FROM m WHERE question = 'I love it';
    """
    done = subprocess.run(
        [sys.executable, "-m", "portkey_handler", "shell", "--files", str(files), "--offline"],
        input=statements,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url, "PORTKEY_HANDLER_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "│ positive │" in done.stdout
    assert provider.requests == []
