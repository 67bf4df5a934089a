"""A signal at any moment, not only while rows are asked: nothing half done is left, and no traceback is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals of POSIX"),
]

#: Runs the command line, and sends itself a signal at the moment when a file's draft is forced to the disk.
WHILE_WRITING = """
import os, sys
from portkey_handler.__main__ import main

def fsync(descriptor):
    os.kill(os.getpid(), int(os.environ["SIGNAL"]))

os.fsync = fsync
main()
"""
#: Runs the command line, and sends itself a signal while the command line is imported.
WHILE_LOADING = """
import os, sys

class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))

sys.meta_path.insert(0, Sender())
from portkey_handler.__main__ import main
main()
"""


def as_in_a_terminal() -> None:
    """Take signals as a program in a terminal does: nohup and jobs of a shell start it with some ignored."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(program: str, number: signal.Signals, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process that sends itself a signal."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "SIGNAL": str(int(number))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=as_in_a_terminal,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("what", ["the catalog", "a table"])
def test_no_draft_is_left(number: signal.Signals, what: str, tmp_path: Path) -> None:
    """A draft of the catalog stayed in the session's folder, with its keys."""
    statement = {
        "the catalog": "CREATE ML_ENGINE e FROM portkey USING check = false, portkey_api_key = 'pk-canary-1'",
        "a table": "CREATE TABLE files.x (SELECT 1 AS a)",
    }[what]
    session = tmp_path / "session"
    done = run(WHILE_WRITING, number, "sql", statement, "--session", str(session), "--files", str(tmp_path))
    assert done.returncode == (130 if number == signal.SIGINT else -number)
    assert done.stderr.strip() in ("", "Aborted!")
    assert {path.name for path in tmp_path.rglob("*")} <= {"session", "catalog.lock", ".files.lock"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_while_it_starts(number: signal.Signals) -> None:
    """Ctrl-C in the first moments printed a traceback of the import system."""
    done = run(WHILE_LOADING, number, "sql", "SELECT 1 AS a")
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_computation_of_duckdb_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    """The signal is not kept waiting for minutes."""
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(map(str, range(100_000))) + "\n")
    sql = "SELECT count(*) AS n FROM files.a AS p JOIN files.a AS q ON p.x % 7 <> q.x % 5 JOIN files.a AS r ON true"
    command = [sys.executable, "-m", "portkey_handler", "sql", sql, "--files", str(tmp_path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=as_in_a_terminal,  # noqa: PLW1509 - it only sets signals
    ) as process:
        try:
            time.sleep(2)  # some time in the computation, or before it: the end is the same
            process.send_signal(number)
            shown = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, *shown) == (-number, "", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed(closed: str) -> None:
    """Python has no stream then, and the command line ended with a traceback."""
    command = f'"{sys.executable}" -m portkey_handler'
    for arguments in ("sql 'SELECT 1 AS a'", "sql 'SELECT nothing'", "shell"):
        done = subprocess.run(
            ["sh", "-c", f"{command} {arguments} {closed}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == (1 if "nothing" in arguments else 0)
