"""Install the peers of the dependency group `bench` one by one; one that fails does not stop the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main() -> None:
    for peer in tomllib.loads(PROJECT.read_text())["dependency-groups"]["bench"]:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", peer]
        if subprocess.run(command, check=False).returncode:
            print(f"{peer} cannot be installed; the table will say so")


if __name__ == "__main__":
    main()
