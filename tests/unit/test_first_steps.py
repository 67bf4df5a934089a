"""The table of first steps, typed as it stands, one step after the other in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.pages import ROOT

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

ROW = re.compile(r"^\| (\d+) \| (.+?) \| `(.+?)` \| (?:`` ?(.+?) ?``|`(.+?)`)? ?\|$", re.MULTILINE)
#: A shell has these; here they are the interpreter that runs the tests.
SHIM = '#!/bin/sh\nexec "{python}" {words} "$@"\n'


def steps() -> list[tuple[int, str, str]]:
    """Return number, command and what is seen of each step."""
    page = (ROOT / "docs" / "first-steps.md").read_text(encoding="utf-8")
    return [(int(row[1]), row[3], row[4] or row[5] or "") for row in ROW.finditer(page)]


def test_every_step_shows_what_the_table_says(provider: OfflineProvider, tmp_path: Path) -> None:
    """None fails without saying what to do; the stand-in answers in place of the model on this machine."""
    found = steps()
    assert [number for number, _, _ in found] == list(range(1, 21))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("portkey-handler", "-m portkey_handler"), ("python", "")):
        (programs / name).write_text(SHIM.format(python=sys.executable, words=words), encoding="utf-8")
        (programs / name).chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PORTKEY_HANDLER_HOME": str(tmp_path / "home"),
    }
    for number, command, seen in found:
        typed = command.replace("PORTKEY_BASE_URL=local", f"PORTKEY_BASE_URL={provider.base_url}")
        typed = typed.replace("'base_url': 'local'", f"'base_url': '{provider.base_url}'")
        done = subprocess.run(
            ["sh", "-c", typed],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert seen in said, f"step {number}: {command}\n{said}"
        assert "Traceback" not in said
        assert done.returncode == 0 or done.stderr or "wrong:" in done.stdout
