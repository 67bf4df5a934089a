"""What a statement without rows has done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """What a statement without rows has done.

    Attributes:
        words: As a short sentence: `engine e was created`.
        rows: The number of rows that it has written to a table; None where it writes no rows.
    """

    words: str
    rows: int | None = None
