"""The blocks of code on the pages, README.md and docs/, and what a comment before a block says of it.

`<!-- run: error "TEXT" -->` wants an error whose first line has that text, `<!-- run: pytest -->` makes the
block a part of a test file, and `<!-- run: no, because … -->` leaves it out. `<!-- run: shows the result -->`
before a block of text says that it is what the statement above it shows on a terminal of 80 columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The gateway that the pages name; the stand-in takes its place.
LOCAL_GATEWAY = "http://localhost:8787/v1"

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
