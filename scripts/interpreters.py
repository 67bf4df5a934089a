"""Find a Python interpreter of a version.

The places are ``MATRIX_PYTHONS`` (paths of interpreters, separated by colons), PATH and pyenv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path


def find_python(version: str) -> str:
    """Return an interpreter of a version.

    Raises:
        LookupError: There is none.
    """
    for candidate in interpreters(version):
        said = output([candidate, "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"])
        if said == version:
            return candidate
    raise LookupError(f"no Python {version} here")


def interpreters(version: str) -> Iterator[str]:
    """Yield the candidates for a version, the first choice first."""
    yield from filter(None, os.environ.get("MATRIX_PYTHONS", "").split(os.pathsep))
    yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    # The commands that pyenv puts on PATH work only for the versions that are selected in pyenv.
    pyenv = os.environ.get("PYENV_ROOT") or (shutil.which("pyenv") and output(["pyenv", "root"]))
    if pyenv:
        yield from map(str, sorted(Path(pyenv, "versions").glob(f"{version}.*/bin/python"), reverse=True))


def output(command: Sequence[str | Path]) -> str:
    """Return the output of a command; an empty text where it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
