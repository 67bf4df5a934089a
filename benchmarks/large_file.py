"""200 MB of CSV in a session, beside DuckDB's own reading of the same file, in one run.

`python benchmarks/large_file.py` writes the file into a temporary folder. Each reading runs in a process of
its own, so that CPU seconds and memory are its alone. The CPU seconds of a query are without imports and
set-up. The first use of the file is compared with a scan of all its cells as texts by DuckDB. Later queries
are compared with the same queries by DuckDB, which is told the types. JOIN asks a model about 1,000 rows that
a condition leaves; DuckDB's part of it is the condition. "JOIN, kept" is the same again, when the answers are
kept. The provider is a stand-in on this machine, whose own process is not counted. Each figure is the best of
three runs.

Limits: 1.5 times DuckDB's CPU seconds (not for JOIN, whose requests DuckDB does not send), and 400 MB.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TIMES, MEGABYTES = 1.5, 400
WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "nobody",
    "knows",
    "why",
    "it",
    "was",
    "so",
    "late",
    "again",
]
COLUMNS = {"id": "BIGINT", "price": "DECIMAL(18,2)", "day": "DATE", "product": "VARCHAR", "review": "VARCHAR"}


def write(path: Path, size: int) -> int:
    """Write a CSV of about `size` bytes, and return the number of its rows."""
    chance = random.Random(1)
    written = number = 0
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        while written < size:
            review = " ".join(chance.choices(WORDS, k=12))
            written += file.write(
                f"{number},{chance.randint(1, 99999) / 100:.2f},"
                f"2026-0{chance.randint(1, 9)}-1{chance.randint(0, 9)},"
                f'p{chance.randint(1, 500)},"{review}, again"\n'
            )
            number += 1
    return number


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the CPU seconds of each piece of work, and the peak of memory in MB."""
    found = {}
    for name, do in work.items():
        start = cpu()
        do()
        found[name] = cpu() - start
    found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def duckdb_alone(path: Path, every: int) -> dict[str, float]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SELECT 1").fetchall()
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    as_text = f"read_csv('{path}', all_varchar = true)"
    typed = f"read_csv('{path}', header = true, columns = {{{types}}})"
    lengths = " + ".join(f"sum(length({name}))" for name in COLUMNS)
    return measured(
        {
            "first use": lambda: connection.execute(f"SELECT {lengths} FROM {as_text}").fetchall(),
            "LIMIT 3": lambda: connection.execute(f"SELECT * FROM {typed} LIMIT 3").fetchall(),
            "count(*)": lambda: connection.execute(f"SELECT count(*) FROM {typed}").fetchall(),
            "JOIN": (
                join := lambda: connection.execute(f"SELECT * FROM {typed} WHERE id % {every} = 0").fetchall()
            ),
            "JOIN, kept": join,
        }
    )


def session(path: Path, every: int, base_url: str) -> dict[str, float]:
    from portkey_handler.session import Session

    with Session(files=path.parent) as opened:
        opened.sql(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{base_url}', check = false")
        opened.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'e', model = 'gpt-4o-mini', column = 'review'"
        )
        opened.register("few", {"review": ["warm", "up"]})
        opened.sql("SELECT * FROM few JOIN m")
        asked = f"SELECT t.id, m.answer FROM files.{path.stem} AS t JOIN m WHERE t.id % {every} = 0"
        found = measured(
            {
                "first use": lambda: opened.sql(f"SELECT * FROM files.{path.stem} LIMIT 3"),
                "LIMIT 3": lambda: opened.sql(f"SELECT * FROM files.{path.stem} LIMIT 3"),
                "count(*)": lambda: opened.sql(f"SELECT count(*) FROM files.{path.stem}"),
                "JOIN": lambda: opened.sql(f"{asked} USING reuse = 'never'"),
                "JOIN, kept": lambda: opened.sql(asked),
            }
        )
        assert opened.sql(asked)["answer"].notna().all(), "an answer is missing"
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--part", choices=["duckdb", "session"], help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        path, every, *url = options.rest
        work = duckdb_alone(Path(path), int(every)) if options.part == "duckdb" else session(
            Path(path), int(every), *url
        )  # fmt: skip
        print(json.dumps(work))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.csv"
        rows = write(path, options.megabytes * 1_000_000)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        found = _parts(path, str(max(1, rows // 1000)))
    is_late = found["session"]["MB"] > MEGABYTES
    print(f"{'CPU seconds':12}{'DuckDB':>9}{'session':>9}{'ratio':>8}")
    for name, own in found["duckdb"].items():
        ours = found["session"][name]
        print(f"{name:12}{own:9.3f}{ours:9.3f}{ours / own:8.2f}")
        is_late |= (
            name not in ("MB", "JOIN") and ours > TIMES * own + 0.05
        )  # tiny queries have a floor of their own
    if is_late:
        sys.exit(f"over {TIMES} times DuckDB's CPU seconds, or over {MEGABYTES} MB")


def _parts(path: Path, every: str) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "portkey_handler.gateway.offline", "--latency", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as provider:
        try:
            assert provider.stdout is not None
            url = provider.stdout.readline().strip()
            runs = [
                (_run("duckdb", str(path), every), _run("session", str(path), every, url)) for _ in range(3)
            ]
        finally:
            provider.terminate()
    return {
        part: {name: min(run[number][name] for run in runs) for name in runs[0][number]}
        for number, part in enumerate(("duckdb", "session"))
    }


def _run(part: str, *rest: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--part", part, *rest]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
