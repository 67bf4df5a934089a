"""What a run of statements has done and paid, for programs: the file of --summary."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..session.table import Result
    from ..usage.run_record import RunRecord


_COUNTED = (
    *("answered", "kept", "requests", "prompt_tokens", "completion_tokens", "cached_tokens"),
    *("cache_write_tokens", "unpriced"),
)


class RunSummary:
    """Adds up the statements and queries of a run.

    Attributes:
        failed: How many rows have no answer that should have one.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._statements = self._rows = self._inserted = 0
        self._counts: Counter[str] = Counter()
        self._dollars = 0.0
        self._reasons: Counter[str] = Counter()
        self.failed = 0

    def add_result(self, result: Result) -> None:
        """Add a statement's result."""
        from ..session.done import Done

        self._statements += 1
        if isinstance(result, Done):
            self._inserted += result.rows or 0
        else:
            from ..session.table import row_count

            self._rows += row_count(result)

    def add_query(self, record: RunRecord) -> None:
        """Add the record of a query to a model."""
        self.failed += record.failed
        self._dollars += record.cost
        self._reasons.update(record.reasons)
        for name in _COUNTED:
            self._counts[name] += getattr(record, name)

    def as_dict(self, code: int, error: str | None) -> dict[str, Any]:
        """Return the summary; `code` is the exit code, `error` the first line of the error or None."""
        counts = self._counts
        return {
            "statements": self._statements,
            "rows": self._rows,
            "inserted": self._inserted,
            "answered": counts["answered"],
            "cached": counts["kept"],
            "failed": self.failed,
            "requests": counts["requests"],
            "prompt_tokens": counts["prompt_tokens"],
            "completion_tokens": counts["completion_tokens"],
            "cached_tokens": counts["cached_tokens"],
            "cache_write_tokens": counts["cache_write_tokens"],
            "dollars": round(self._dollars, 6),
            "answers_without_a_price": counts["unpriced"],
            "failures": dict(self._reasons.most_common()),
            "seconds": round(time.monotonic() - self._began, 3),
            "exit_code": code,
            "error": error,
        }

    def write(self, path: Path, code: int, error: str | None) -> None:
        """Write the summary to a file, whole.

        Raises:
            OSError: It cannot be written.
        """
        from ..session.whole_file import write_whole

        text = json.dumps(self.as_dict(code, error), indent=2, ensure_ascii=False)
        write_whole(path, f"{text}\n".encode())
