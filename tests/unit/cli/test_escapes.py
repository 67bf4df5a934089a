"""An escape sequence in foreign text acts on no terminal; pipes and files get the data as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.escapes import CANARY, FORGED, REPLIES, X, acting
from support.terminal import Terminal

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

COMMAND = ["-m", "portkey_handler"]
#: Files cannot have a slash in their names.
NAME = CANARY.replace("/", "|")
SQL = (
    "CREATE ML_ENGINE e FROM portkey USING check = false; CREATE MODEL m PREDICT a USING engine = 'e', "
    "column = 'q', on_error = 'null', max_attempts = 1, evidence = true; "
    "SELECT t.*, m.* FROM files.t AS t JOIN m; SHOW FILES; SHOW TABLES FROM files; "
    "DESCRIBE m.errors; DESCRIBE m.usage; SELECT m.a FROM files.t AS t JOIN m USING dry_run = true; "
    "DESCRIBE m.estimate; SELECT * FROM `x{}`"
)


def shown(*arguments: str, provider: OfflineProvider, code: int) -> str:
    """Run the command in a terminal, and return all that it writes there."""
    with Terminal(*COMMAND, *arguments, environment={"PORTKEY_BASE_URL": provider.base_url}) as terminal:
        assert terminal.finish() == code
    return terminal.written.decode("utf-8", "replace")


@pytest.fixture
def files(tmp_path: Path, provider: OfflineProvider) -> Path:
    """Give a folder with names, columns and cells that act, and a provider whose replies do."""
    replies = [*REPLIES.values()]
    provider.behaviour.faults = lambda request: replies[request.number % len(replies)]
    rows = "".join(f'"{number} {CANARY}","cell {CANARY}"\n' for number in range(2 * len(replies)))
    (tmp_path / "t.csv").write_text(f'q,"col{CANARY}"\n{rows}', encoding="utf-8")
    (tmp_path / f"x{NAME}.csv").write_text("a\n1\n")
    (tmp_path / f"broken{NAME}.parquet").write_text(CANARY)
    return tmp_path


@pytest.mark.parametrize("fmt", ["table", "csv", "json", "jsonl"])
def test_results_act_on_no_terminal(fmt: str, files: Path, provider: OfflineProvider) -> None:
    """Answers, names of columns, files and models, what a provider says: 14 of 14 places were raw."""
    sql = SQL.format(CANARY)
    text = shown("sql", sql, "--files", str(files), "--format", fmt, "-v", provider=provider, code=1)
    # A line break in a cell of a CSV is a line break, as in a file.
    assert [sign for sign in acting(text) if fmt != "csv" or sign not in FORGED] == []
    told = " ".join(text.split())  # lines are folded
    for seen in ("x1b", "202e", "the table or model x"):
        assert seen in told


def test_a_script_acts_on_no_terminal(files: Path, provider: OfflineProvider) -> None:
    """Its name, and the statements that errors repeat; a person who types sees what he types."""
    script = files / f"script{NAME}.sql"
    script.write_text(SQL.format(CANARY), encoding="utf-8")
    assert acting(shown("run", str(script), "--files", str(files), provider=provider, code=1)) == []


def test_wrong_use_acts_on_no_terminal(files: Path, provider: OfflineProvider) -> None:
    """Errors repeat arguments and names of files, which a pattern of the shell may have put there."""
    (files / f"bad{NAME}.sql").write_bytes(b"SELECT 1\xff;")
    (files / f"occupied{NAME}").write_text("")
    for arguments, code in (
        (("run", f"{files}/no{NAME}.sql"), 2),
        (("run", f"{files}/bad{NAME}.sql"), 1),
        (("sql", "SELECT 1", "--files", f"{files}/no{NAME}"), 2),
        (("sql", "SELECT 1", "--session", f"{files}/occupied{NAME}"), 1),
        (("sql", "SELECT 1", "--format", NAME), 2),
        (("sql", "SELECT 1", CANARY), 2),
        (("sql", "SELECT 1", f"--x{NAME}"), 2),
        ((f"x{CANARY}",), 2),
        (("report", f"m{CANARY}"), 1),
        (("install", "--python", f"{files}/py{NAME}"), 1),
    ):
        assert acting(shown(*arguments, provider=provider, code=code)) == [], arguments


def test_the_doctor_and_the_report_act_on_no_terminal(files: Path, provider: OfflineProvider) -> None:
    """They repeat addresses and paths."""
    for arguments in (("--python", f"{files}/py{NAME}"), ("--url", f"http://127.0.0.1:1/{NAME}")):
        for more in ((), ("--json",)):
            assert acting(shown("doctor", *arguments, *more, provider=provider, code=1)) == []
    sql = SQL.partition("; SHOW FILES")[0]
    shown("sql", sql, "--files", str(files), provider=provider, code=0)
    page = files / f"page{NAME}.html"
    assert acting(shown("report", "-o", str(page), provider=provider, code=0)) == []
    assert acting(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_a_pipe_and_a_file_get_the_data_as_it_is(fmt: str, provider: OfflineProvider, tmp_path: Path) -> None:
    """A program reads what the model wrote."""
    provider.behaviour.answer = lambda _: X
    sql = (
        "CREATE ML_ENGINE e FROM portkey USING check = false; CREATE MODEL m PREDICT a USING engine = 'e', "
        "column = 'q', model = 'gpt-4o-mini'; SELECT a FROM m WHERE q = 'x'"
    )
    command = [sys.executable, *COMMAND, "sql", sql, "--files", str(tmp_path), "--format", fmt]
    environment = {**os.environ, "PORTKEY_BASE_URL": provider.base_url}
    piped = subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode()
    file = tmp_path / "result"
    subprocess.run([*command, "-o", str(file)], env=environment, capture_output=True, check=True)
    for text in (piped, file.read_bytes().decode()):
        assert (json.loads(text) == [{"a": X}]) if fmt == "json" else (text == f'a\n"{X}"\n')
