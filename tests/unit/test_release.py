"""Releases by a tag, and the workflows that make and check them."""

from __future__ import annotations

import datetime
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TODAY = f"{datetime.date.today():%Y-%m-%d}"
CHANGELOG = """# Changelog

## 0.2.0, 2026-12-01

- Answers are right.

## 0.1.0, 2026-11-01

- The first version.
"""

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="workflows and scripts are not part of the sdist")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a copy of what a release reads."""
    for name in ("scripts/release.py", "portkey_handler/__about__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def release(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script of a root."""
    command = [sys.executable, root / "scripts" / "release.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_version_is_the_tags(root: Path) -> None:
    """Without --write nothing is changed; the notes are the section of the version alone."""
    about = root / "portkey_handler" / "__about__.py"
    before = about.read_text()
    assert release(root, "v0.2.0").returncode == 0
    assert about.read_text() == before
    done = release(root, "v0.2.0", "--write", "--notes", "notes.md")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert about.read_text() == re.sub(r'"[\d.]+"', '"0.2.0"', before)
    assert (root / "notes.md").read_text() == "- Answers are right.\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "message"),
    [
        ("latest", CHANGELOG, "the tag latest is not a version; write v0.2.0, for example"),
        ("0.2.0", CHANGELOG, "the tag 0.2.0 is not in its normal form; write v0.2.0"),
        ("v0.2.0-rc.1", CHANGELOG, "the tag v0.2.0-rc.1 is not in its normal form; write v0.2.0rc1"),
        ("v0.2.0+mine", CHANGELOG, "the tag v0.2.0+mine is not in its normal form; write v0.2.0"),
        (
            "v0.1.0",
            CHANGELOG,
            f"CHANGELOG.md begins with '## 0.2.0, 2026-12-01'; write a section '## 0.1.0, {TODAY}' above it",
        ),
        (
            "v0.2.0",
            CHANGELOG.replace("2026-12-01", "unreleased"),
            f"CHANGELOG.md has 'unreleased' as the date of 0.2.0; write '## 0.2.0, {TODAY}'",
        ),
        (
            "v0.2.0",
            CHANGELOG.replace("- Answers are right.", ""),
            "CHANGELOG.md has no text about 0.2.0; write what a user would notice",
        ),
        (
            "v0.2.0",
            "# Changelog\n",
            f"CHANGELOG.md begins with 'nothing'; write a section '## 0.2.0, {TODAY}' above it",
        ),
    ],
)
def test_what_cannot_be_released(root: Path, tag: str, changelog: str, message: str) -> None:
    """It is said in one line with the remedy, and nothing is written."""
    (root / "CHANGELOG.md").write_text(changelog)
    before = (root / "portkey_handler" / "__about__.py").read_text()
    done = release(root, tag, "--write", "--notes", "notes.md")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{message}\n")
    assert (root / "portkey_handler" / "__about__.py").read_text() == before
    assert not (root / "notes.md").exists()


def test_another_version_is_installed(root: Path) -> None:
    """What is tested has to be what was built for the tag."""
    (root / "CHANGELOG.md").write_text("## 99.0.0, 2026-12-01\n\n- All.\n")
    done = release(root, "v99.0.0", "--installed")
    assert done.returncode == 1
    assert re.fullmatch(
        r"[\w.]+ is installed, not 99\.0\.0; install what was built for the tag\n", done.stderr
    )


def test_our_changelog_can_be_read() -> None:
    """Its newest section is that of the version in the code, with a day or the word unreleased."""
    version = re.search(r'"(.+)"', (ROOT / "portkey_handler" / "__about__.py").read_text().splitlines()[-1])
    assert version is not None
    done = release(ROOT, f"v{version[1]}")
    assert done.returncode == 0 or "has 'unreleased' as the date of" in done.stderr


@pytest.mark.slow
def test_wheel_and_sdist_have_the_version_of_the_tag(root: Path) -> None:
    """They are built from a checkout in which the script has written."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    for name in ("portkey_handler", "examples", "docs", "tests"):
        shutil.copytree(
            ROOT / name, root / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    assert release(root, "v0.2.0", "--write").returncode == 0
    command = [sys.executable, "-m", "hatchling", "build", "-d", "dist"]
    subprocess.run(command, cwd=root, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    with zipfile.ZipFile(root / "dist" / "portkey_handler-0.2.0-py3-none-any.whl") as wheel:
        assert b'__version__ = "0.2.0"' in wheel.read("portkey_handler/__about__.py")
        assert b"\nVersion: 0.2.0\n" in wheel.read("portkey_handler-0.2.0.dist-info/METADATA")
    with tarfile.open(root / "dist" / "portkey_handler-0.2.0.tar.gz") as sdist:
        assert {
            "portkey_handler-0.2.0/tests/conftest.py",
            "portkey_handler-0.2.0/CHANGELOG.md",
        } <= set(sdist.getnames())


def jobs(workflow: str) -> dict[str, Any]:
    """Return the jobs of a workflow, by name."""
    read: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())
    return dict(read["jobs"])


def steps(workflow: str) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in jobs(workflow).values() for step in job.get("steps", ())]


@pytest.mark.parametrize("workflow", [path.name for path in WORKFLOWS])
def test_workflows_are_whole(workflow: str) -> None:
    """Jobs wait for jobs that exist and end in time; actions have a version; rights are few."""
    read = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())
    assert read["permissions"] == {"contents": "read"}
    for name, job in read["jobs"].items():
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= read["jobs"].keys() - {name}
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
        else:
            assert job["timeout-minutes"] <= 60
    for step in steps(workflow):
        assert ("uses" in step) is not ("run" in step)
        assert re.fullmatch(r"[\w-]+/[\w-]+@[\w./]+", step.get("uses", "a/b@v1"))
        # A tag's name in an expression could be a command.
        assert "${{ github.ref" not in step.get("run", "")


@pytest.mark.parametrize("workflow", [path.name for path in WORKFLOWS])
def test_workflows_run_what_is_there(workflow: str) -> None:
    """Targets of make, scripts and their arguments."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    for command in (step["run"] for step in steps(workflow) if "run" in step):
        assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= targets
        for script, words in re.findall(r"\b(scripts/\w+\.py)(.*)", command):
            assert (ROOT / script).is_file()
            flags = re.findall(r"(--[a-z-]+)", words)
            assert all(f'"{flag}"' in (ROOT / script).read_text() for flag in flags)


def test_only_the_job_that_publishes_may() -> None:
    """It has no token but its identity, and nothing is published that was not tested."""
    found = jobs("release.yml")
    may = {name: job["permissions"] for name, job in found.items() if "permissions" in job}
    assert may == {"publish": {"id-token": "write"}, "announce": {"contents": "write"}}
    assert found["publish"]["environment"] == "pypi"
    assert set(found["publish"]["needs"]) == {"ci", "test"}
    assert found["test"]["needs"] == "build"
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def test_before_a_commit_ruff_runs() -> None:
    """In the version of `make check`, and with its two commands."""
    read = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in read["repos"] for hook in repository["hooks"]]
    assert [hook["entry"].split()[:2] for hook in hooks] == [
        [".venv/bin/ruff", "check"],
        [".venv/bin/ruff", "format"],
    ]
