"""CPU seconds of `portkey-handler sql` for statements that ask no model: the cost of starting.

Run it on an otherwise idle machine: `python benchmarks/startup.py --baseline PATH`. PATH is another checkout,
or the Python of an environment with another version installed. Both run in turn, and their medians are
compared. The time is user and system time of the whole process, as the operating system counts it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from session_200ms import stand_in

HERE = Path(__file__).parents[1]
ENGINE = "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = 'key', base_url = '{url}'"
#: Statements, each with the largest allowed share of the baseline's CPU time.
STATEMENTS = {
    "SELECT 1": ("SELECT 1", 2 / 3),
    "CREATE ML_ENGINE": (ENGINE, 1 / 2),
    "CREATE ML_ENGINE, check = false": (ENGINE + ", check = false", 1 / 2),
}


def command(path: Path) -> tuple[str, str]:
    """Return the interpreter of a path, and the folder that it imports the package from."""
    return (sys.executable, str(path.absolute())) if path.is_dir() else (str(path.absolute()), "")


def cpu_seconds(path: Path, statement: str, folder: str) -> float:
    """Run a statement in its own process, and return its CPU seconds."""
    python, imported_from = command(path)
    environment = {**os.environ, "PYTHONPATH": imported_from, "PORTKEY_HANDLER_HOME": f"{folder}/home"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [python, "-m", "portkey_handler", "sql", statement],
        cwd=folder,  # outside of any checkout, which would be imported
        env=environment,
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(paths: list[Path], statement: str, runs: int, folder: str) -> list[float]:
    """Return the median of each path; the first run may compile modules, and is not counted."""
    found: list[list[float]] = [[] for _ in paths]
    for _ in range(runs + 1):
        for path, seconds in zip(paths, found, strict=True):
            seconds.append(cpu_seconds(path, statement, folder))
    return [statistics.median(seconds[1:]) for seconds in found]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baseline", type=Path, metavar="PATH", help="another checkout, or another Python")
    parser.add_argument("--runs", type=int, default=15, help="runs of each that are counted")
    given = parser.parse_args()
    paths = [HERE] if given.baseline is None else [HERE, given.baseline]
    too_slow = False
    with tempfile.TemporaryDirectory() as folder, stand_in(latency=0) as url:
        for name, (statement, allowed) in STATEMENTS.items():
            own, *other = measured(paths, statement.format(url=url), given.runs, folder)
            line = f"{name}: {own:.2f} s of CPU time"
            for baseline in other:
                line += f", baseline {baseline:.2f} s, ratio {own / baseline:.3f} (allowed {allowed:.3f})"
                too_slow |= own / baseline > allowed
            print(line, flush=True)
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
