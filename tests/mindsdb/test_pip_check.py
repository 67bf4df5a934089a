"""The wheel beside MindsDB: neither breaks what the other needs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support import unavailable
from support.mindsdb import MindsDBUnavailable, mindsdb_python, run_python

REQUIREMENTS = "import importlib.metadata as m; print(*m.requires('portkey-handler'), sep='\\n')"


@pytest.fixture
def python() -> Path:
    """Give the interpreter of MindsDB's environment."""
    try:
        return mindsdb_python()
    except MindsDBUnavailable as reason:
        unavailable(str(reason))


def test_pip_check_has_nothing_to_say_about_us(python: Path, tmp_path: Path) -> None:
    """No requirement of ours is unmet, and nothing that we need breaks a requirement of MindsDB's."""
    requirements = run_python(python, REQUIREMENTS, tmp_path).split("\n")
    ours = {re.split(r"[^\w.-]", line)[0].lower() for line in requirements if line} | {"portkey-handler"}
    done = subprocess.run(
        [python, "-m", "pip", "check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    # "mindsdb 26.1.0 has requirement pandas==2.3.1, but you have pandas 3.0.0."
    about_us = [
        line for line in done.stdout.splitlines() if ours & set(re.findall(r"[\w.-]*\w", line.lower()))
    ]
    assert about_us == []


def test_the_wheel_is_what_runs(python: Path, tmp_path: Path) -> None:
    """MindsDB's environment has the built package, not the checkout."""
    where = run_python(python, "import portkey_handler; print(portkey_handler.__file__)", tmp_path)
    assert "site-packages" in where
