"""What is shipped: requirement files that agree, a wheel that is whole."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    """Give the table [project] of pyproject.toml."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def requirements(path: Path) -> list[str]:
    """Give the requirements of a file, without comments."""
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("name", ["requirements.txt", "portkey_handler/requirements.txt"])
def test_requirements_agree(name: str) -> None:
    """Both files say what pyproject says: MindsDB reads one, people and tools the other."""
    assert requirements(ROOT / name) == project()["dependencies"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_is_whole(wheel: Path) -> None:
    """Types, icon, requirements and the demo's files are in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())

    expected = [
        "py.typed",
        "icon.svg",
        "requirements.txt",
        "examples/quickstart.sql",
        "examples/local.sql",
        "examples/reviews.csv",
    ]
    expected.append("usage/report/page.css")
    assert not {f"portkey_handler/{name}" for name in expected} - names


def test_wheel_is_only_ours(wheel: Path) -> None:
    """Tests, caches and scripts stay out of it."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].partition("-")[0] for name in names} == {"portkey_handler"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_wheel_requires_what_pyproject_says(wheel: Path) -> None:
    """The metadata that pip reads has the same requirements and the command."""
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
    (commands,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]

    found = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist") or []
    required = [one for one in found if "extra ==" not in one]

    assert sorted(map(specifiers, required)) == sorted(map(specifiers, project()["dependencies"]))
    assert b"portkey-handler = portkey_handler.__main__:main" in archive.read(commands)


def specifiers(requirement: str) -> tuple[str, frozenset[str]]:
    """Split a requirement into its name and its specifiers, whose order does not matter."""
    name, rest = re.fullmatch(r"([\w-]+)(.*)", requirement.replace(" ", "")).groups()  # type: ignore[union-attr]
    return name, frozenset(rest.split(","))
