"""Write both requirements.txt from pyproject.toml: `python scripts/generate_requirements.py`."""

from __future__ import annotations

from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]

dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
text = "".join(f"{requirement}\n" for requirement in dependencies)
for folder in ("", "portkey_handler"):
    (ROOT / folder / "requirements.txt").write_text(text)
