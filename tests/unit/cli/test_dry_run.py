"""`--dry-run` on the command line: what statements would ask and cost, and nothing else."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

SETUP = """
CREATE ML_ENGINE e FROM portkey USING provider = 'openai';
CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question', model = 'gpt-4o-mini';
CREATE MODEL n PREDICT answer USING engine = 'e', column = 'question', model = 'nobody-knows-me';
"""
ASK = "SELECT t.id, m.answer FROM files.q AS t JOIN m;"
BOTH = "SELECT m.answer AS a, n.answer AS b FROM files.q AS t JOIN m JOIN n;"


def run(*arguments: str, provider: OfflineProvider) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "portkey_handler", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url, "COLUMNS": "200"},
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with one small table."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "q.csv").write_text("id,question\n1,Where?\n2,Who?\n3,\n", encoding="utf-8")
    return folder


def test_each_model_has_its_estimate(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """A table for a person per model asked; the engine is not tried, and nothing is sent."""
    script = tmp_path / "script.sql"
    script.write_text(SETUP + BOTH, encoding="utf-8")
    done = run("run", str(script), "--files", str(files), "--dry-run", provider=provider)
    assert done.returncode == 0, done.stderr
    assert provider.requests == []
    assert "m: a dry run, nothing was sent: 3 rows, 2 requests" in done.stderr
    assert "n: a dry run, nothing was sent: 3 rows, 2 requests" in done.stderr
    for said in ("NULL or blank", "about $0.00", "the price of 'nobody-knows-me' is not", "user: Where?"):
        assert said in done.stdout


def test_scripts_read_estimates_as_rows(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """The other formats have a row per query and model, with numbers as numbers."""
    done = run(
        "sql", SETUP + BOTH, "--files", str(files), "--dry-run", "--format", "jsonl", provider=provider
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["name"], first["rows"], first["unasked"], first["requests"]) == ("m", 3, 1, 2)
    assert first["cost"] > 0
    assert (second["name"], second["cost"]) == ("n", None)
    output = tmp_path / "estimates.csv"
    run("sql", SETUP + ASK, "--files", str(files), "--dry-run", "-o", str(output), provider=provider)
    with output.open(encoding="utf-8") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["gpt-4o-mini"]
    assert provider.requests == []


def test_no_file_and_no_session_is_changed(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """A script that writes tables and makes models can then be run, as if for the first time."""
    text = f"{SETUP} CREATE TABLE files.answers ({ASK.rstrip(';')}); DROP TABLE files.q;"
    command = ("sql", text, "--files", str(files), "--session", str(tmp_path / "session"))
    done = run(*command, "--dry-run", provider=provider)
    assert done.returncode == 0, done.stderr
    assert "files.answers is left as it is, because this is a dry run" in done.stderr
    assert sorted(path.name for path in files.iterdir()) == ["q.csv"]
    assert provider.requests == []
    done = run(*command, provider=provider)
    assert done.returncode == 0, done.stderr
    assert sorted(path.suffix for path in files.iterdir() if path.stem == "answers") != []
    assert not (files / "q.csv").exists()


def test_a_dry_run_finds_what_a_session_keeps(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """Models of the session's folder are asked, and their kept answers counted."""
    place = ("--files", str(files), "--session", str(tmp_path / "session"))
    assert run("sql", SETUP + ASK, *place, provider=provider).returncode == 0
    done = run("sql", ASK, *place, "--dry-run", "--format", "jsonl", provider=provider)
    estimate = json.loads(done.stdout)
    assert (estimate["kept"], estimate["requests"], estimate["cost"]) == (2, 0, 0.0)


def test_what_is_wrong_is_said_and_the_estimates_before_it(provider: OfflineProvider, files: Path) -> None:
    """A statement that fails ends with 1; what was looked over until then is shown."""
    done = run("sql", SETUP + ASK + "SELECT nothing FROM nowhere", "--files", str(files), "--dry-run",
               provider=provider)  # fmt: skip
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "user: Where?" in done.stdout


def test_a_dry_run_has_its_summary(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """None was written, though programs wait for it; nothing is asked or paid, and the code is the dry run's."""
    path = tmp_path / "summary.json"
    words = ("--files", str(files), "--dry-run", "--summary", str(path))
    assert run("sql", SETUP + ASK, *words, provider=provider).returncode == 0
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["statements"], told["requests"], told["dollars"]) == (4, 0, 0.0)
    assert (told["exit_code"], told["error"]) == (0, None)
    done = run("sql", f"{SETUP}{ASK.rstrip(';')} USING max_rows = 1", *words, provider=provider)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["exit_code"], done.returncode) == (4, 4)
