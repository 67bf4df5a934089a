"""How fast a query without `concurrency` becomes as fast as a large provider, and how often it is refused.

    python benchmarks/in_flight.py

The stand-in answers after 2 s and takes 400 or 1,000 requests at a time; it refuses more with 429. Its
capacity is places / 2 s. The printed share is of the requests that it took from second 15 to second 25.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

LATENCY = 2.0
FROM, TO = 15, 25
LEAST_SHARE, MOST_REFUSED = 0.8, 0.02


def counts(base_url: str) -> tuple[int, int]:
    """Return how many requests the stand-in has taken, and how many it has refused."""
    with urllib.request.urlopen(f"{base_url}/count") as reply:
        found = json.load(reply)
    return found["count"], found["refused"]


def run(places: int, rows: int) -> tuple[float, float]:
    """Return the share of the capacity that was used, and the share of the requests that were refused."""
    import pandas as pd

    from portkey_handler import ask

    command = [sys.executable, str(Path(__file__).with_name("stand_in.py"))]
    command += ["--latency", str(LATENCY), "--places", str(places)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            taken: list[int] = []
            frame = pd.DataFrame({"q": [f"question {row} of {places}" for row in range(rows)]})

            def watch() -> None:
                for until in (FROM, TO):
                    time.sleep(max(0.0, started + until - time.monotonic()))
                    taken.append(counts(base_url)[0])

            started = time.monotonic()
            watcher = threading.Thread(target=watch)
            watcher.start()
            answers = ask(frame, engine={"base_url": base_url}, model="m", column="q")
            watcher.join()
            assert answers["answer"].notna().all()
            count, refused = counts(base_url)
        finally:
            process.terminate()
    rate = (taken[1] - taken[0]) / (TO - FROM)
    return rate / (places / LATENCY), refused / (count + refused)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="at full capacity")
    given = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as home:
        os.environ["PORTKEY_HANDLER_HOME"] = home
        for places in (400, 1000):
            share, refused = run(places, int(given.seconds * places / LATENCY))
            good = good and share >= LEAST_SHARE and refused <= MOST_REFUSED
            sys.stdout.write(f"{places} places: {share:.2f} of the capacity, {refused:.2%} refused\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
