"""2,000 rows at 200 ms, 64 in flight, through `Session.sql`, compared with the provider's waiting time.

Run it on an otherwise idle machine: `python benchmarks/session_200ms.py`. The stand-in provider runs in a
separate process. The ideal is rows / concurrency x latency; the time includes everything from the SQL text
to the frame, but not the import of Python modules.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ALLOWED = 1.15  # times the ideal


@contextmanager
def stand_in(latency: float) -> Iterator[str]:
    """Run the stand-in provider in a separate process, and yield its base URL."""
    command = [sys.executable, "-m", "portkey_handler.gateway.offline", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def question(number: int) -> str:
    return f"What is row {number} about?"


def run(rows: int, latency: float, concurrency: int, folder: Path) -> float:
    """Run a query over a number of rows, and return its seconds. Every answer is checked against its row."""
    import pandas as pd

    from portkey_handler.session import Session

    frame = pd.DataFrame({"id": range(rows), "question": [question(number) for number in range(rows)]})
    frame.to_csv(folder / "questions.csv", index=False)
    with stand_in(latency) as base_url:
        session = Session(files=folder)
        session.sql(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{base_url}', provider = 'openai'")
        session.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'e', model = 'gpt-4o-mini', column = 'question', "
            f"concurrency = {concurrency}"
        )
        started = time.perf_counter()
        result = session.sql("SELECT t.id, m.answer FROM files.questions AS t JOIN m")
        seconds = time.perf_counter() - started
    assert list(result["id"]) == list(range(rows)), "rows are missing or out of order"
    wrong = [
        number
        for number, answer in zip(result["id"], result["answer"], strict=True)
        if not answer.endswith(f" | {question(number)}")
    ]
    assert not wrong, f"{len(wrong)} rows have another row's answer, the first is {wrong[0]}"
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--concurrency", type=int, default=64)
    given = parser.parse_args()
    ideal = given.rows / given.concurrency * given.latency
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PORTKEY_HANDLER_HOME"] = str(Path(folder, "home"))  # no answers from an earlier run
        files = Path(folder, "files")
        files.mkdir()
        seconds = run(given.rows, given.latency, given.concurrency, files)
    ratio = seconds / ideal
    print(
        f"{given.rows} rows at {given.latency:g} s, {given.concurrency} in flight: {seconds:.2f} s, "
        f"ideal {ideal:.2f} s, ratio {ratio:.3f} (allowed {ALLOWED}); every answer matches its row"
    )
    return 0 if ratio < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
