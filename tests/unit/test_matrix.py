"""Versions that are tested together: the cells, what is kept of a run, and what is told of one that fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from portkey_handler.host.doctor.versions import OLDEST, TESTED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RESULTS: dict[str, Any] = json.loads((ROOT / "docs" / "matrix.json").read_text(encoding="utf-8"))
PASSED = {
    "result": "passed",
    "tests": {"passed": 1234},
    "versions": {"pandas": "2.2.0"},
    "date": "2026-01-01",
}
VERSIONS = "<!-- generated: supported versions -->\n\n<!-- generated: end -->\n"


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script below a root, where no other Python can be found."""
    return subprocess.run(
        [sys.executable, root / "scripts" / "matrix.py", *arguments],
        env={"PATH": str(root), "HOME": str(root), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a folder with the scripts, a wheel of no use, and the pages, of which one has the table."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("dist", "docs", "portkey_handler"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dist" / "portkey_handler-0.0.0-py3-none-any.whl").touch()
    for name in ("README.md", "docs/options.md"):
        (tmp_path / name).touch()
    (tmp_path / "docs" / "versions.md").write_text(VERSIONS, encoding="utf-8")
    return tmp_path


def cells() -> list[dict[str, str]]:
    """Give the cells as the nightly workflow gets them."""
    listed: list[dict[str, str]] = json.loads(run(ROOT, "--list-json").stdout)
    return listed


def another_python() -> dict[str, str]:
    """Give a cell for another Python than the one that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return next(cell for cell in cells() if cell["python"] != here)


def test_every_python_of_the_package_has_a_cell() -> None:
    """Versions of Python that the package names are tested, and no others; there are at most eight cells."""
    named = {match[1] for line in PROJECT["classifiers"] if (match := re.search(r":: (3\.\d+)$", line))}

    assert {cell["python"] for cell in cells()} == named
    assert len(cells()) <= 8


def test_the_results_are_of_the_cells() -> None:
    """docs/matrix.json has an entry for each cell, in the same order, with what was found of it."""
    assert list(RESULTS) == [cell["name"] for cell in cells()]
    for entry in RESULTS.values():
        assert entry["result"] in {"passed", "failed", "not run"}
        assert entry.get("tests", {}).get("passed", 0) > 0 or entry["result"] != "passed"


def test_what_doctor_takes_for_tested_was_tested() -> None:
    """The newest and the oldest MindsDB that doctor knows are those of the cells."""
    tested = [
        Version(entry["where"].removeprefix("MindsDB "))
        for entry in RESULTS.values()
        if entry["where"] != "session"
    ]

    assert (Version(OLDEST), Version(TESTED)) == (min(tested), max(tested))


def test_the_lower_bounds_are_what_was_tested() -> None:
    """What pyproject.toml names as the oldest is what the cell of the oldest versions had."""
    oldest = RESULTS["session-oldest"]["versions"]
    bounds = dict(re.findall(r"^(.+?)>=([\d.]+)", "\n".join(PROJECT["dependencies"]), flags=re.MULTILINE))

    assert {name: Version(oldest[name]) for name in bounds} == {
        name: Version(bound) for name, bound in bounds.items()
    }


def test_where_there_is_no_python_a_cell_is_not_run(copy: Path) -> None:
    """It is recorded with the reason, fails the command, and leaves alone what is known of other cells."""
    missing = another_python()
    other = next(cell["name"] for cell in cells() if cell != missing)
    (copy / "docs" / "matrix.json").write_text(json.dumps({other: PASSED, "gone": PASSED}), encoding="utf-8")

    done = run(copy, missing["name"])

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{missing['name']} not run no Python {missing['python']} here")
    results = json.loads((copy / "docs" / "matrix.json").read_text(encoding="utf-8"))
    assert list(results) == [cell["name"] for cell in cells()]
    assert results[missing["name"]]["result"] == "not run"
    assert results[other]["tests"] == {"passed": 1234}
    page = (copy / "docs" / "versions.md").read_text(encoding="utf-8")
    assert f"**not run**: no Python {missing['python']} here" in page
    assert "1,234 tests passed, 2026-01-01" in page


def test_a_cell_that_fails_says_where(copy: Path) -> None:
    """What can't be installed is a failure that names the log, in which pip's words are."""
    missing = another_python()
    python = copy / "another"
    said = f"echo {missing['python']}"
    python.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) {said};; *) echo no room >&2; exit 1;; esac\n')
    python.chmod(0o755)

    done = run(copy, missing["name"], MATRIX_PYTHONS=f"{copy / 'nothing'}{os.pathsep}{python}")

    assert (done.returncode, done.stderr) == (1, "")
    log = f".cache/matrix/{missing['name']}.log"
    assert f"{missing['name']} failed no virtual environment; see {log}" in done.stdout
    assert "no room" in (copy / log).read_text(encoding="utf-8")


def test_an_unknown_cell_is_named(copy: Path) -> None:
    """A wrong name is told with those that there are, before anything runs."""
    done = run(copy, "session-newst")

    assert done.returncode == 2
    assert "there is no cell session-newst; there are mindsdb-26.1, " in done.stderr
