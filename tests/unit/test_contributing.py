"""What CONTRIBUTING.md and .gitattributes name is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_is_there() -> None:
    """A move that forgets the page fails here."""
    named = set(re.findall(r"`((?:portkey_handler|tests|scripts|docs|examples)/[\w/.]+)`", PAGE))
    assert len(named) > 15
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_target_is_there() -> None:
    """Each `make …` is one of the Makefile's."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"\bmake ([a-z-]+)", PAGE))
    assert {"test", "check"} <= named <= targets


def test_generated_files_are_marked() -> None:
    """Reviews fold what a script has written."""
    marked = re.findall(r"^(\S+) linguist-generated$", (ROOT / ".gitattributes").read_text(), re.M)
    assert {path for path in marked if not (ROOT / path).is_file()} == set()
    assert "portkey_handler/creation_args.py" in marked
