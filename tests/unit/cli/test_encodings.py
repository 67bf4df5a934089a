"""Scripts in the encodings that editors write, from a file and from standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session.scripts import script_text

SCRIPT = "SELECT 'für 5 €' AS a, n FROM files.t"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_mark_says_the_encoding(encoding: str) -> None:
    """Notepad and PowerShell write such files."""
    assert script_text(SCRIPT.encode(encoding), "s.sql") == SCRIPT


def test_the_option_is_for_scripts_that_are_not_utf8() -> None:
    """It is said for the data; a script in UTF-8 stays one."""
    assert script_text(SCRIPT.encode("cp1252"), "s.sql", "cp1252") == SCRIPT
    assert script_text(SCRIPT.encode(), "s.sql", "cp1252") == SCRIPT


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (None, "s.sql, line 2: it is not utf-8; --encoding cp1252"),
        ("shift_jis", "s.sql, line 2: it is not shift_jis; save it as UTF-8"),
        ("nope", "the encoding 'nope' is not known"),
    ],
)
def test_an_error_names_the_line(encoding: str | None, message: str) -> None:
    """And the option that helps."""
    with pytest.raises(StatementError) as raised:
        script_text(b"SELECT 1;\nSELECT '\xfc\xff'", "s.sql", encoding)
    assert str(raised.value).startswith(message)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["file", "-"])
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_run_reads_scripts_and_files(tmp_path: Path, place: str, encoding: str) -> None:
    """`run -` reads standard input; --encoding is for the script and for the tables."""
    (tmp_path / "t.csv").write_bytes("n\nJosé\n".encode("cp1252"))
    (tmp_path / "s.sql").write_bytes(SCRIPT.encode(encoding))
    done = subprocess.run(
        [
            sys.executable, "-m", "portkey_handler", "run", str(tmp_path / "s.sql") if place == "file" else "-",
            "--files", str(tmp_path), "--encoding", "cp1252", "--format", "jsonl",
        ],
        input=SCRIPT.encode(encoding), capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"a": "für 5 €", "n": "José"}
