"""What is said of a column that the rows do not have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

MOST_SHOWN = 20
_LONGEST_SHOWN = 80


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Name the closest of `names`, as the end of a sentence, or nothing where none is close."""
    folded = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    return f", did you mean {folded[close[0]]!r}?" if close else ""


def listed(names: Sequence[str]) -> str:
    """List the columns there are, cut where there are many: the end of a sentence that starts with them."""
    shown = [name[:_LONGEST_SHOWN] for name in names if not name.startswith("__")]  # those are the host's own
    if not shown:
        return "have no columns"
    more = len(shown) - MOST_SHOWN
    return f"have {', '.join(shown[:MOST_SHOWN])}" + (f" and {more} more" if more > 0 else "")
