"""Rows/s, CPU and memory of this project beside raw aiohttp and its peers, in one run on one machine.

    python benchmarks/suite.py                  the quick cases and the picture; some minutes
    python benchmarks/suite.py no-wait          one case
    python benchmarks/suite.py --gateway        through the real gateway on Node
    python benchmarks/suite.py --soak           a million rows

Every competitor runs in its own process, against a stand-in provider in another process on loopback. Every
answer is checked against its row. Raw aiohttp is the limit: it runs first and last, and ratios are to the
mean of both, because machines are noisy. Imports do not count as time; they have their own column.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PICTURE = HERE.parent / "docs" / "throughput.png"
LIMIT = "raw aiohttp"
ONE_BY_ONE = "SDK, one by one"
OURS = ("Predictor", "Session.sql")
PEERS = ("AsyncOpenAI", "AsyncPortkey", "SDK in threads", "LangChain batch", "LiteLLM", "Daft prompt")
#: This project with a data directory that cannot be written, to measure the cost of the answer cache.
NO_CACHE = {"cache": "none"}
PLAIN = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Case:
    """A case to measure.

    Attributes:
        title: The title of the table.
        rows: Number of rows.
        latency: Seconds that the provider takes for each answer.
        concurrency: The concurrency, or None if this project chooses it.
        distinct: Number of distinct prompts; None means all.
        peers: Number of rows for the peers, unless --same-rows; 0 leaves the peers out.
        one_by_one: Number of rows that are sent one by one.
        ours: The competitors of this project.
        seconds: The most seconds for one competitor.
    """

    title: str
    rows: int
    latency: float
    concurrency: int | None
    distinct: int | None = None
    peers: int = 0
    one_by_one: int = 0
    ours: tuple[str, ...] = OURS
    seconds: float = 120
    watched: bool = False


QUICK = {
    "no-wait": Case("20,000 distinct rows, 0 ms, 64 in flight", 20_000, 0, 64, peers=4_000, one_by_one=500),
    "wait": Case("5,000 rows, 200 ms, 256 in flight", 5_000, 0.2, 256, peers=5_000, one_by_one=25),
    "own-pace": Case("5,000 rows, 200 ms, concurrency not given", 5_000, 0.2, None),
}
SOAK = {
    "equal-rows": Case(
        "1,000,000 rows, 10,000 distinct prompts, 0 ms, 64 in flight",
        1_000_000,
        0,
        64,
        distinct=10_000,
        seconds=600,
        watched=True,
    ),
    "distinct-rows": Case(
        "1,000,000 distinct rows, 0 ms, 64 in flight", 1_000_000, 0, 64, seconds=900, watched=True
    ),
    "embeddings": Case(
        "100,000 embeddings, 0 ms, 256 a request, 64 in flight",
        100_000,
        0,
        64,
        ours=("embeddings", "embeddings, base64"),
    ),
}
CURVE = (1, 8, 32, 64, 128, 256)
CURVE_LATENCY = 0.2
CURVE_ROUNDS = 10  # answers per concurrent request
CURVE_NAMES = (
    LIMIT,
    "Predictor",
    *(name for name in PEERS if name != "Daft prompt"),
)  # it chooses its concurrency itself


@dataclass
class Provider:
    """A running stand-in provider."""

    base_url: str
    pid: int

    def count(self) -> int:
        """Return the number of completions that it has sent."""
        with PLAIN.open(f"{self.base_url}/count", timeout=30) as reply:
            return int(json.load(reply)["count"])

    def cpu_seconds(self) -> float:
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def provider(latency: float) -> Iterator[Provider]:
    command = [sys.executable, str(HERE / "stand_in.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Provider(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


@contextmanager
def gateway() -> Iterator[str]:
    sys.path[:0] = [str(HERE.parent / "tests")]
    from support.gateway import Gateway  # from the tests; it needs Node

    with Gateway() as running:
        yield running.base_url


@dataclass
class RateSampler:
    """Samples the provider's count while a long case runs, to show whether it slows down."""

    server: Provider
    seen: list[tuple[float, int]] = field(default_factory=list)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        over = threading.Event()
        start = self.server.count()

        def sample() -> None:
            while not over.wait(0.5):
                self.seen.append((time.perf_counter(), self.server.count() - start))

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def tenths(self) -> tuple[float, float] | None:
        """Return the requests/s in the first and the last tenth of all requests."""
        total = self.seen[-1][1] if self.seen else 0
        first = self._rate(0, total * 0.1)
        last = self._rate(total * 0.9, total)
        return (first, last) if first and last else None

    def _rate(self, low: float, high: float) -> float | None:
        # Samples before the first request and after the last one measure only waiting.
        inside = [(at, count) for at, count in self.seen if low < count <= high]
        ends = {count: at for at, count in reversed(inside)}
        if len(ends) < 2:
            return None
        counts = sorted(ends)
        return (counts[-1] - counts[0]) / (ends[counts[-1]] - ends[counts[0]])


def run_worker(
    name: str,
    server: Provider,
    points: list[tuple[int, int | None]],
    *,
    through: str | None,
    distinct: int | None = None,
    using: dict[str, Any] | None = None,
    seconds: float,
) -> dict[str, Any]:
    """Run one competitor in its own process; return its measurements, or why there are none."""
    spec = {
        "competitor": name,
        "base_url": through or server.base_url,
        "provider_url": server.base_url if through else "",
        "points": points,
        "distinct": distinct,
        "using": {name: value for name, value in (using or {}).items() if name != "cache"},
    }
    command = [sys.executable, "-W", "ignore", str(HERE / "worker.py"), json.dumps(spec)]
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as said:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and not name.startswith(("PORTKEY_", "OPENAI_"))
        }
        # A new data directory: no answers from an earlier run.
        ours = home if using != NO_CACHE else str(Path(home, "a file", "home"))
        Path(home, "a file").touch()
        environment |= {"PORTKEY_HANDLER_HOME": ours, "NO_PROXY": "127.0.0.1,localhost", "HOME": home}
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            stdin=subprocess.DEVNULL,
            env=environment,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                written, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its child processes too
                return {"unavailable": f"not done within {seconds:.0f} s"}
        lines = [line for line in written.splitlines() if line.startswith("{")]
        if process.returncode or not lines:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["no output"])[-1]
            return {"unavailable": f"failed: {last[:200]}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def run_case(case: Case, through: bool, same_rows: bool, only: set[str]) -> list[dict[str, Any]]:
    """Measure one case, and print a line after each competitor."""
    plan: list[tuple[str, dict[str, Any], int]] = []
    for name in case.ours:
        plan += [(name, {}, case.rows), (name, NO_CACHE, case.rows)]
    if case.peers:
        plan += [(name, {}, case.rows if same_rows else case.peers) for name in PEERS]
    if case.one_by_one:
        plan.append((ONE_BY_ONE, {}, case.one_by_one))
    plan = [entry for entry in plan if not only or entry[0] in only]
    # Without a given concurrency, the comparison is with the ideal; embeddings have none.
    limited = [(LIMIT, {}, min(case.rows, 20_000))] if case.concurrency and case.ours == OURS else []
    found = []
    with provider(case.latency) as server, gateway() if through else nullcontext() as base_url:
        for name, using, rows in limited + plan + limited:
            sampler = RateSampler(server)
            requests, busy = server.count(), server.cpu_seconds()
            watched = case.watched and name != LIMIT
            with sampler.sampling() if watched else nullcontext():
                result = run_worker(
                    name,
                    server,
                    [(rows, case.concurrency)],
                    through=base_url,
                    distinct=case.distinct if name != LIMIT else None,
                    using=using,
                    seconds=case.seconds,
                )
            points = result.pop("points", [{}])
            entry = {"name": name, "using": using, **result, **points[0]}
            entry["requests"] = server.count() - requests
            if "seconds" in entry:
                entry["provider_busy"] = (server.cpu_seconds() - busy) / entry["seconds"]
            if watched and (tenths := sampler.tenths()):
                entry["first_tenth"], entry["last_tenth"] = tenths
            found.append(entry)
            print(f"  … {name} {_using(using)}", file=sys.stderr, flush=True)
    limits = [entry["rows_per_second"] for entry in found if entry["name"] == LIMIT and "seconds" in entry]
    for entry in found:
        if limits and "rows_per_second" in entry:
            entry["ratio"] = entry["rows_per_second"] * len(limits) / sum(limits)
    return found


def table(case: Case, found: list[dict[str, Any]]) -> str:
    """Return the table of a case."""
    lines = [
        f"| {case.title} | rows | rows/s | CPU ms/row | peak MB | above frames MB | import s "
        "| to raw aiohttp | requests |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for entry in found:
        name = f"{entry['name']} {_using(entry['using'])}".strip()
        if "seconds" not in entry:
            lines.append(f"| {name} | {entry.get('unavailable', 'failed')} |" + " |" * 7)
            continue
        ratio = f"{entry['ratio']:.3f}" if "ratio" in entry else "-"
        wrong = f", {entry['wrong']:,} WRONG" if entry["wrong"] else ""
        lines.append(
            f"| {name}{wrong} | {entry['rows']:,} | {entry['rows_per_second']:,.{_digits(entry)}f} "
            f"| {entry['cpu_ms_per_row']:.3f} | {entry['peak_mb']:.0f} | {entry['peak_above_frames_mb']:.0f} "
            f"| {entry['import_seconds']:.1f} | {ratio} | {entry['requests']:,} |"
        )
    lines += list(_remarks(case, found))
    return "\n".join(lines)


def _remarks(case: Case, found: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    others = (*PEERS, ONE_BY_ONE)
    rates = {
        entry["name"]: entry["rows_per_second"]
        for entry in found
        if entry["name"] in (*OURS, *others) and "seconds" in entry and not entry["using"]
    }
    best = max((name for name in rates if name in others), key=rates.__getitem__, default=None)
    for name in OURS if best else ():
        if name in rates:
            yield f"- {name} carries {rates[name] / rates[best]:.1f} times the rows of the best peer, {best}."
    if case.concurrency is None:
        ideal = case.rows / 64 * case.latency
        for entry in found:
            if entry["name"] in OURS and "seconds" in entry:
                share = ideal / entry["seconds"]
                name = f"{entry['name']} {_using(entry['using'])}".strip()
                yield f"- {name}: {share:.3f} of the ideal of 64 in flight."
    for entry in found:
        name = f"{entry['name']} {_using(entry['using'])}".strip()
        if "first_tenth" in entry:
            yield (
                f"- {name}: {entry['first_tenth']:,.0f} requests/s in the first tenth, "
                f"{entry['last_tenth']:,.0f} in the last "
                f"({entry['last_tenth'] / entry['first_tenth']:.2f} of it); "
                f"{entry['peak_above_frames_mb'] * 2**20 / entry['rows']:,.0f} bytes a row above the frames."
            )
        if entry.get("provider_busy", 0) > 0.8:
            yield f"- {name}: the stand-in was busy {entry['provider_busy']:.0%} of the time: the limit?"


def _using(using: dict[str, Any]) -> str:
    return "without cache" if using == NO_CACHE else ""


def _digits(entry: dict[str, Any]) -> int:
    return 0 if entry["rows_per_second"] >= 20 else 1


def run_curve(only: set[str]) -> dict[str, Any]:
    """Measure rows/s against concurrency at 200 ms."""
    curve: dict[str, Any] = {}
    points: list[tuple[int, int | None]] = [(limit * CURVE_ROUNDS, limit) for limit in CURVE]
    for name in CURVE_NAMES:
        if only and name not in only and name != LIMIT:
            continue
        with provider(CURVE_LATENCY) as server:
            curve[name] = run_worker(name, server, points, through=None, seconds=90)
        print(f"  … {name}, rows/s against concurrency", file=sys.stderr, flush=True)
    return curve


def import_times() -> str:
    """Return a table of import times: the least of five runs, and the heavy modules that are loaded."""
    lines = ["| import | ms | heavy modules loaded |", "|---|---:|---|"]
    heavy = ("pandas", "portkey_ai", "mindsdb", "mindsdb_sql_parser", "duckdb", "aiohttp", "pydantic")
    for module in ("portkey_handler", "portkey_handler.predictor", "portkey_handler.session"):
        code = (
            "import time, sys; t = time.perf_counter(); import importlib; "
            f"importlib.import_module('{module}'); d = time.perf_counter() - t; "
            f"print(d * 1000, *[name for name in {heavy!r} if name in sys.modules])"
        )
        runs = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
            for _ in range(5)
        ]
        least = min(float(run.split()[0]) for run in runs)
        lines.append(f"| {module} | {least:.0f} | {', '.join(runs[0].split()[1:]) or 'none'} |")
    return "\n".join(lines)


def draw(results: Path) -> str:
    """Make the picture in another process, so that its library uses no memory here."""
    command = [sys.executable, str(HERE / "picture.py"), str(results), str(PICTURE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    return f"The picture: {PICTURE}" if not done.returncode else f"No picture: {last}"


def main() -> int:
    cases = {**QUICK, **SOAK}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "cases", nargs="*", help=f"of {', '.join([*cases, 'imports', 'curve'])}; default: the quick ones"
    )
    parser.add_argument("--soak", action="store_true", help="the cases of a million rows")
    parser.add_argument("--gateway", action="store_true", help="through the real gateway (needs Node)")
    parser.add_argument("--same-rows", action="store_true", help="peers get all rows, which takes long")
    parser.add_argument("--rows", type=int, help="number of rows, instead of the case's")
    parser.add_argument("--only", action="append", default=[], help="a competitor; may be given again")
    given = parser.parse_args()
    wanted = given.cases or (list(SOAK) if given.soak else ["imports", *QUICK, "curve"])
    if unknown := [name for name in wanted if name not in (*cases, "imports", "curve")]:
        parser.error(f"there is no case {', '.join(unknown)}")
    only = set(given.only)
    RESULTS.mkdir(exist_ok=True)
    began = time.strftime("%Y-%m-%dT%H%M%S")
    results = RESULTS / f"{began}.json"
    measured: dict[str, Any] = {"when": began, "gateway": given.gateway, "cases": {}}
    wrong = 0
    for name in wanted:
        if name == "imports":
            print(import_times() + "\n", flush=True)
        elif name == "curve":
            measured["curve"] = run_curve(only)
        else:
            case = cases[name]
            if given.rows:
                title = f"{given.rows:,} rows of the case: {case.title}"
                case = replace(case, rows=given.rows, peers=min(case.peers, given.rows), title=title)
            measured["cases"][name] = found = run_case(case, given.gateway, given.same_rows, only)
            wrong += sum(entry.get("wrong", 0) for entry in found)
            print(table(case, found) + "\n", flush=True)
        results.write_text(json.dumps(measured, indent=1))
    if "curve" in measured:
        print(draw(results))
    print(f"Results: {results}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
