"""README and docs/, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda path: path.relative_to(ROOT).as_posix()
)
#: What the comment before a block says that needs a MindsDB server.
NEEDS_MINDSDB = "no, because it needs a MindsDB"
#: A block and the comment before it.
FENCE = re.compile(
    r"(?:^<!-- run: (?P<run>.+?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        line: Where it starts in its page.
        language: What stands behind the fence.
        text: The code.
        run: What the comment before it says.
    """

    line: int
    language: str
    text: str
    run: str


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(line, match["language"], match["text"], match["run"] or "")


def pages_with(*languages: str, run: str | None = None) -> list[Any]:
    """Give the pages that have blocks of these languages, as parameters of a test; with this comment only."""
    found = [
        page
        for page in PAGES
        if any(block.language in languages and run in (None, block.run) for block in blocks(page))
    ]
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in found]
