"""The cost of recording a query: noting the usage of each row, and writing the record at the end.

    python benchmarks/recording.py

Both functions are timed inside queries. The stand-in provider answers at once, which is the worst case:
beside an answer of 200 ms the cost cannot be seen. The time of the timing itself is subtracted. Comparing
queries with and without recording would show less, because the noise of a machine is larger than the
difference. The printed round is the one in which recording took the least time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from session_200ms import question, stand_in

ALLOWED = 0.02


class Timed:
    """Replaces a method, and sums up the time that it takes."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds = 0.0
        method: Callable[..., None] = getattr(owner, name)

        def timed(*arguments: Any) -> None:
            began = time.perf_counter()
            method(*arguments)
            self.seconds += time.perf_counter() - began

        setattr(owner, name, timed)


def timing(calls: int) -> float:
    """Return the seconds that the timing itself takes for a number of calls."""

    class Empty:
        def method(self, *_: Any) -> None:
            pass

    timed, empty = Timed(Empty, "method"), Empty()
    for number in range(calls):
        empty.method(number, None)
    return timed.seconds


def query(base_url: str, rows: int) -> float:
    """Run a query of a number of rows, and return its seconds of CPU."""
    import pandas as pd

    from portkey_handler.options import EngineConfig, resolve
    from portkey_handler.predictor import Predictor

    using = {"model": "gpt-4o-mini", "concurrency": 64, "column": "q", "reuse": "never"}
    plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    frame = pd.DataFrame({"q": [question(number) for number in range(rows)]})
    began = time.process_time()
    answers = Predictor(plan)(frame, EngineConfig({"base_url": base_url}))
    seconds = time.process_time() - began
    assert answers["answer"].notna().all()
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    from portkey_handler.usage.query_usage import QueryUsage
    from portkey_handler.usage.run_history import RunHistory

    note, record = Timed(QueryUsage, "note"), Timed(RunHistory, "record")
    rounds = []
    with tempfile.TemporaryDirectory() as folder, stand_in(0) as base_url:
        os.environ["PORTKEY_HANDLER_HOME"] = folder
        query(base_url, 2_000)  # imports, prices
        for _ in range(given.rounds):
            note.seconds = record.seconds = 0.0
            spent = query(base_url, given.rows)
            noted = note.seconds - timing(given.rows)
            rounds.append((noted + record.seconds, noted, record.seconds, spent))
    total, noted, recorded, spent = min(rounds)
    share = total / spent
    print(
        f"{given.rows:,} rows: {noted / given.rows * 1e6:.2f} µs a row for its usage, "
        f"{recorded * 1000:.2f} ms a query for its record; {share:.1%} of the query's {spent:.2f} s of CPU "
        f"(allowed {ALLOWED:.0%})"
    )
    return 0 if share <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
