"""The command line, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.terminal import Terminal

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

#: Colours and movements of a terminal.
_SIGNS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SETUP = """
CREATE ML_ENGINE e FROM portkey;
CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question', model = 'stand-in';
"""


def run(
    *arguments: str, provider: OfflineProvider | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environment = {**os.environ, **more}
    if provider is not None:
        environment["PORTKEY_BASE_URL"] = provider.base_url
    return subprocess.run(
        [sys.executable, "-m", "portkey_handler", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with one small table."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "q.csv").write_text('id,question\n1,"Where, exactly?"\n2,Wie geht es?\n3,\n', encoding="utf-8")
    return folder


def test_answers_go_to_stdout_and_the_summary_to_stderr(provider: OfflineProvider, files: Path) -> None:
    """A pipe gets answers only; what is said about them goes elsewhere."""
    done = run(
        "sql",
        SETUP + "SELECT t.id, m.answer FROM files.q AS t JOIN m",
        "--files",
        str(files),
        "--format",
        "jsonl",
        provider=provider,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows if "id" in row] == [1, 2, 3]
    assert "2 answered, 1 with nothing to ask" in done.stderr


def test_each_format_holds_the_same_rows(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """CSV, JSON and parquet of one query agree."""
    query = SETUP + "SELECT t.id, m.answer FROM files.q AS t JOIN m WHERE t.id < 3"
    read = {
        "csv": pd.read_csv,
        "json": pd.read_json,
        "parquet": pd.read_parquet,
    }
    frames = {}
    for fmt, reader in read.items():
        output = tmp_path / f"out.{fmt}"
        done = run("sql", query, "--files", str(files), "--format", fmt, "-o", str(output), provider=provider)
        assert done.returncode == 0, done.stderr
        frames[fmt] = reader(output).to_dict("list")
    assert frames["csv"] == frames["json"] == frames["parquet"]
    assert frames["csv"]["id"] == [1, 2]


def test_a_result_is_a_table() -> None:
    """Each cell is written as text, NULL too; what SHOW says is a table like the others."""
    done = run(
        "sql", "SELECT 1 AS n, NULL AS nothing, 'é' AS word, TRUE AS flag, 1.5 AS price; SHOW HANDLERS"
    )

    tables = [[cell.strip() for cell in line.split(line[0])[1:-1]] for line in done.stdout.splitlines()]
    assert [line for line in tables if line] == [
        ["n", "nothing", "word", "flag", "price"],
        ["1", "NULL", "é", "true", "1.5"],
        ["NAME", "TYPE"],
        ["portkey", "ml"],
    ]
    assert done.stderr.splitlines() == ["1 row", "1 row"]


def test_a_failed_statement_is_one(provider: OfflineProvider) -> None:
    """A statement that fails ends with exit code 1 and one clear line, without a traceback."""
    done = run("sql", "SELECT * FROM nothing.here", provider=provider)
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_use_is_two(files: Path) -> None:
    """Parquet without a file, an unknown option and a missing file are wrong use."""
    assert run("sql", "SELECT 1", "--format", "parquet").returncode == 2
    assert run("sql", "SELECT 1", "--nonsense").returncode == 2
    assert run("run", str(files / "missing.sql")).returncode == 2


def test_a_session_folder_keeps_engines_and_models(
    provider: OfflineProvider, files: Path, tmp_path: Path
) -> None:
    """What one call creates, the next one finds."""
    path = str(tmp_path / "session")
    assert run("sql", SETUP, "--session", path, provider=provider).returncode == 0
    done = run(
        "sql",
        "SELECT question, answer FROM m WHERE question = 'Hi'",
        "--session",
        path,
        "--format",
        "csv",
        provider=provider,
    )
    assert done.returncode == 0, done.stderr
    assert "Hi" in done.stdout


def test_the_demo_says_that_no_model_answers() -> None:
    """With --stand-in the demo runs to its end, says in one plain line who answers, and fits a screen."""
    done = run("demo", "--stand-in")
    assert done.returncode == 0, done.stderr
    assert "an offline stand-in guesses by lists of words here, and no language model answers" in done.stderr
    assert "9 rows" in done.stderr
    assert "review_sentiment: 70 answered, 9 of them cached" in done.stderr
    assert re.search(r"│ 1005 │ Trail backpack 28 l +│ 5 +│ mixed +│", done.stdout)


def test_the_demo_fits_a_terminal_of_80_columns() -> None:
    """No line is broken inside a word, and each statement stands above what it does."""
    with Terminal("-m", "portkey_handler", "demo", "--stand-in", environment={}) as terminal:
        assert terminal.finish() == 0
        shown = _SIGNS.sub("", terminal.written.decode()).replace("\r\n", "\n")
    lines = [line for line in shown.split("\n") if "\r" not in line]  # without what the progress redraws
    assert max(map(len, lines)) <= 80
    statement, ended = shown.index("LIMIT 9"), shown.index("review_sentiment: 9 answered")
    assert statement < ended < shown.index("│ 1005 │")


def test_a_terminal_is_told_what_was_written(tmp_path: Path) -> None:
    """How many rows went into which file; `--quiet` says nothing."""
    path = tmp_path / "out.csv"
    command = ("-m", "portkey_handler", "sql", "SELECT 1 AS one", "-o", str(path))
    with Terminal(*command, environment={"COLUMNS": "200"}) as terminal:
        assert terminal.finish() == 0
        assert f"1 row in {path}" in " ".join(terminal.written.decode().split())
    with Terminal(*command, "--quiet", environment={}) as terminal:
        assert terminal.finish() == 0
        assert terminal.written == b""


def test_the_readme_shows_the_demo() -> None:
    """As a picture, which has the sentence about the model and the search by meaning."""
    root = Path(__file__).parents[3]
    assert "![The demo in a terminal](docs/demo.svg)" in (root / "README.md").read_text(encoding="utf-8")
    picture = (root / "docs" / "demo.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert "A language model of 135 million parameters is answering on this machine" in picture
    assert "nearness" in picture


def test_the_demo_goes_where_the_environment_says(provider: OfflineProvider) -> None:
    """With a gateway in the environment the demo asks that one, for the model that the caller names."""
    done = run("demo", "--model", "somebody's", provider=provider)
    assert done.returncode == 0, done.stderr
    asked = [request for request in provider.requests if request.path.endswith("/chat/completions")]
    assert len(asked) == 1 + 70  # the question, and every review that has a text, once for both queries
    assert {request.body["model"] for request in asked} == {"somebody's"}


def test_a_terminal_sees_a_progress_bar(provider: OfflineProvider, files: Path) -> None:
    """Rows done are shown on a terminal while the query runs, and only there."""
    provider.behaviour.latency = 0.3
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "portkey_handler",
            "sql",
            SETUP + "SELECT m.answer FROM files.q AS t JOIN m",
            "--files",
            str(files),
        ],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    seen = b""
    while select.select([main], [], [], 30)[0]:
        try:
            chunk = os.read(main, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    assert process.wait(timeout=30) == 0
    os.close(main)
    assert b"/3" in seen


def test_the_shell_runs_what_is_typed(provider: OfflineProvider) -> None:
    """Statements over several lines run at their semicolon; an error does not end the shell."""
    done = subprocess.run(
        [sys.executable, "-m", "portkey_handler", "shell"],
        input="SELECT\n 1 + 1 AS two;\nSELECT * FROM nope;\nSELECT 'still here' AS x;\nexit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url},
    )
    assert done.returncode == 0
    assert "two" in done.stdout
    assert "nope" in done.stderr
    assert "still here" in done.stdout


def test_the_version_is_shown() -> None:
    """--version prints the version and nothing else."""
    from portkey_handler.__about__ import __version__

    assert run("--version").stdout.strip() == __version__


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("none/out.csv", "No such file or directory; make the folder, or name another"),
        ("folder.csv", "Is a directory; mend that"),
    ],
)
def test_a_place_for_results_is_checked_before_anything_is_asked(
    place: str, said: str, provider: OfflineProvider, tmp_path: Path
) -> None:
    """It was found out after all rows were paid, with a traceback."""
    (tmp_path / "folder.csv").mkdir()
    output = tmp_path / place
    done = run("sql", "SELECT 1 AS one", "-o", str(output), provider=provider)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{output} cannot be used: {said}, then run the statement again\n"
    assert provider.requests == []
