"""What it costs a query to be recorded: the account of each row, and the record at the end.

    python benchmarks/ledger.py                 some minutes
    python benchmarks/ledger.py --rounds 3

The same queries run with and without them in turn, in one process, against a stand-in provider in a process
of its own that answers at once: the worst case, because nothing of it is seen beside an answer of 200 ms.
CPU seconds are those of this process. Told is the least of the rounds, because whatever else the machine does
only adds to it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from session_200ms import question, stand_in

ALLOWED = 1.02


def query(base_url: str, rows: int, concurrency: int) -> tuple[float, float]:
    """Answer so many rows; gives seconds and CPU seconds."""
    import pandas as pd

    from portkey_handler.options import Credentials, resolve
    from portkey_handler.predictor import Predictor

    using = {"model": "gpt-4o-mini", "concurrency": concurrency, "column": "q", "reuse": "never"}
    plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    frame = pd.DataFrame({"q": [question(number) for number in range(rows)]})
    began, cpu = time.perf_counter(), time.process_time()
    answers = Predictor(plan)(frame, Credentials({"base_url": base_url}))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert answers["answer"].notna().all()
    return seconds, cpu


def switch(recorded: bool) -> None:
    """Turn accounts and records on or off in this process."""
    from portkey_handler.account import Account
    from portkey_handler.ledger import Ledger

    if not hasattr(switch, "kept"):
        switch.kept = (Account.note, Ledger.record)  # type: ignore[attr-defined]
    note, record = switch.kept if recorded else (_nothing, _nothing)  # type: ignore[attr-defined]
    Account.note = note  # type: ignore[method-assign]
    Ledger.record = record  # type: ignore[method-assign]


def _nothing(*_: Any) -> None:
    pass


def compare(base_url: str, rows: int, concurrency: int, rounds: int, queries: int) -> tuple[float, float]:
    """Run with and without in turn; gives the least CPU milliseconds of a query with and without."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        for recorded in (True, False) if number % 2 else (False, True):
            switch(recorded)
            spent = sum(query(base_url, rows, concurrency)[1] for _ in range(queries)) / queries
            found[recorded].append(spent * 1000)
    switch(True)
    return min(found[True]), min(found[False])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--rows", type=int, default=5_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stand_in(0) as base_url:
        os.environ["PORTKEY_HANDLER_HOME"] = folder
        query(base_url, 2_000, 64)  # imports, prices
        worst = 0.0
        for rows, concurrency, queries in ((given.rows, 64, 1), (1, 1, 50)):
            on, off = compare(base_url, rows, concurrency, given.rounds, queries)
            share = on / off
            worst = max(worst, share) if rows > 1 else worst
            print(
                f"{rows:,} rows: {on:.2f} ms of CPU recorded, {off:.2f} ms not; {share:.3f} times, "
                f"{(on - off) / rows * 1000:.2f} µs a row"
            )
    return 0 if worst <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
