"""What a query costs beside many kept answers: one row, and many rows that are all kept.

`python benchmarks/kept_answers.py` makes a cache of five million answers in a temporary folder (2 GB), one of
50,000 and one of a thousand. Each query runs in a process of its own; seconds and memory are those beyond the
imports. "The first" makes the index, as the first query after an upgrade does. The last figures are about
answers whose time is over: what is left of the file after that many queries, and the seconds of the last one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DAY = 86_400.0


def key_of(number: int) -> bytes:
    """Give a digest as items have."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def fill(path: Path, count: int) -> None:
    """Write answers as queries do, but in one transaction."""
    from portkey_handler.records import Evidence
    from portkey_handler.storage.answer_cache import AnswerCache
    from portkey_handler.storage.answer_format import checksum_of, encode

    AnswerCache(path, reuse=DAY, keep=DAY).close()
    answer = encode("positive", Evidence(status=200, model="gpt-4o-mini", request_id="req-0123456789abcdef"))
    now = time.time()

    def rows() -> Iterator[tuple[bytes, float, float, bytes, int]]:
        for number in range(count):
            key = key_of(number)
            yield key, now, now + DAY, answer, checksum_of(key, answer)

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    into = "INSERT INTO answers (key, made_at, expires_at, answer, checksum, names) VALUES (?, ?, ?, ?, ?, 1)"
    with connection:
        connection.executemany(into, rows())
    connection.close()


WORK = """
import sys, time, json, resource
from pathlib import Path
sys.path.insert(0, {folder!r})
from kept_answers import key_of, DAY
from portkey_handler.storage.answer_cache import AnswerCache
import pandas
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, since = memory(), time.perf_counter()
cache = AnswerCache(Path({path!r}), reuse=DAY, keep=DAY)
found = sum(cache.claim(key_of(n)) and cache.cached(key_of(n)) is not None for n in range({first}, {last}))
cache.close()
print(json.dumps([time.perf_counter() - since, memory() - before, found]))
"""


def ask(path: Path, first: int, last: int) -> tuple[float, float, int]:
    """Look up items in a process of its own; return the seconds, the megabytes, and how many are kept."""
    script = WORK.format(folder=str(Path(__file__).parent), path=str(path), first=first, last=last)
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    seconds, megabytes, found = json.loads(said)
    return seconds, megabytes, found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = (1_000, 50_000, given.answers)
        caches = {count: Path(folder, str(count), "journal", "engine.sqlite") for count in counts}
        for count, path in caches.items():
            fill(path, count)
        many = caches[given.answers]
        say(f"of {given.answers:,}: one row, the first", *ask(many, 7, 8))
        for count, path in caches.items():
            for what, rows in (
                ("one that is kept", (7, 8)),
                ("one that is not", (-2, -1)),
                ("50,000", (0, 50_000)),
            ):
                best = min(ask(path, *rows) for _ in range(given.rounds))
                say(f"of {count:,}: {what}", *best)
        with sqlite3.connect(many) as connection:
            connection.execute("UPDATE answers SET expires_at = 0")
        connection.close()
        for queries in (1, 10, 100):
            for _ in range(queries):
                last = ask(many, -2, -1)
            say(f"all over, after {queries} queries more: {many.stat().st_size / 1e6:,.0f} MB", *last)


def say(what: str, seconds: float, megabytes: float, found: int) -> None:
    """Print one figure."""
    print(f"{what} ({found:,} found): {seconds * 1e3:,.1f} ms, {megabytes:,.1f} MB", flush=True)


if __name__ == "__main__":
    main()
