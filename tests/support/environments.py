"""An environment with a MindsDB of a test's own: what is installed, upgraded and broken there stays there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from . import unavailable
from .mindsdb import ROOT, MindsDBUnavailable, environment_of, mindsdb_python, run_python

_SITES = "import json, sys; print(json.dumps([path for path in sys.path if path.endswith('site-packages')]))"


class Environment:
    """A virtual environment.

    Attributes:
        python: Its interpreter.
        site: Its folder of packages.
    """

    def __init__(self, folder: Path, python: Path | str = sys.executable) -> None:
        """Make it in a new folder, with the version of an interpreter, and without any package."""
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
        self.folder = folder
        self.python = folder / "bin" / "python"
        [self.site] = (folder / "lib").glob("python*/site-packages")

    def pip_install(self, *what: Path | str) -> None:
        """Let pip install from files alone; what they need has to be there."""
        self._run(sys.executable, "-m", "pip", f"--python={self.python}", "install", *what)

    def pip_uninstall(self, name: str) -> None:
        """Let pip remove a package."""
        self._run(sys.executable, "-m", "pip", f"--python={self.python}", "uninstall", "--yes", name)

    def command(self, *words: str) -> str:
        """Run `portkey-handler …` of this environment and give what it printed on stdout."""
        return self._run(self.folder / "bin" / "portkey-handler", *words)

    def shell(self, command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command with this environment's programs first, and give what it printed on stdout.

        Where it uses pip, it installs from files alone.
        """
        pip = 'pip() { python -m pip "$@"; }'  # it has the module, and not the program
        return self._run("bash", "-ec", f"{pip}; {command}", env=env)

    def _run(self, *command: Path | str, env: Mapping[str, str] | None = None) -> str:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        env = environment_of(self.folder) | {"PATH": path, "PIP_NO_INDEX": "1"} | dict(env or {})
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def mindsdb_environment(folder: Path) -> Environment:
    """Make an environment with a copy of MindsDB, without this package.

    What both need is linked from the environment of the tests' MindsDB. pip, which finds it through the
    links, leaves alone what is not inside of the environment. Where there is no MindsDB to copy the test
    skips, or fails in CI.
    """
    try:
        python = mindsdb_python()
    except MindsDBUnavailable as reason:
        unavailable(str(reason))
    made = Environment(folder, python)
    for site in map(Path, json.loads(run_python(python, _SITES, folder))):
        for entry in sorted(site.iterdir()):
            target = made.site / entry.name
            if re.match(r"portkey_handler|__pycache__", entry.name) or target.exists():
                continue
            if re.fullmatch(r"mindsdb(-.*\.dist-info)?", entry.name):
                shutil.copytree(
                    entry, target, symlinks=True, ignore=shutil.ignore_patterns("*portkey_handler*")
                )
            elif entry.suffix != ".pth" or _stays_inside(entry):
                target.symlink_to(entry)
    return made


def _stays_inside(pth: Path) -> bool:
    """Tell whether a .pth file adds folders beside it and does nothing else."""
    lines = [line for line in pth.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return all((pth.parent / line).is_dir() and not Path(line).is_absolute() for line in lines)


def build_wheel(folder: Path, version: str | None = None) -> Path:
    """Build the wheel of this tree into a new folder, under another version if one is given."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("portkey_handler", "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    if version is not None:
        for name in ("__about__.py", "__init__.py"):
            path = source / "portkey_handler" / name
            text, changed = re.subn(
                r'^((?:__)?version(?:__)?) = ".*"$',
                rf'\1 = "{version}"',
                path.read_text(),
                flags=re.MULTILINE,
            )
            assert changed == 1, f"{name} does not say its version once"
            path.write_text(text)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def contents(folder: Path, *, caches: bool = True) -> dict[str, str]:
    """Give everything below a folder by its path: its mode, and what is in a file or where a link leads.

    Args:
        folder: The folder; what is reached through links is no part of it.
        caches: Also what Python compiles while code runs.
    """
    found: dict[str, str] = {}
    for parent, folders, files in os.walk(folder):
        if not caches and "__pycache__" in folders:
            folders.remove("__pycache__")
        for name in folders + files:
            path = Path(parent, name)
            if path.is_symlink():
                what = f"-> {os.readlink(path)}"  # noqa: PTH115 - as it is written
            else:
                what = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[path.relative_to(folder).as_posix()] = f"{path.lstat().st_mode:o} {what}"
    return found
