"""The time of 100 rows in a real MindsDB: one SELECT, and four at once, with warm workers.

    python benchmarks/mindsdb_100_rows.py

It also prints the time of the run itself, from `DESCRIBE m.runs`, and the time that the host added: parsing,
reading the file, passing rows to the worker and back. It needs the gateway's packages and the MindsDB
environment that `make test` makes. The removed handler took 20.9 s, one row at a time.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from support.gateway import Gateway  # noqa: E402 - found by the line above
from support.hosts import shared  # noqa: E402 - as above
from support.mindsdb import MindsDB  # noqa: E402 - as above

ROWS = 100
LATENCY = 0.2  # seconds
RUNS = 5
AT_ONCE = 4


def main() -> None:
    with (
        Gateway() as gateway,
        shared.running(gateway) as (server, provider),
        ThreadPoolExecutor(AT_ONCE) as clients,
    ):
        server.query("CREATE ML_ENGINE e FROM portkey")
        server.query("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text'")
        server.wait_for_model("m")
        provider.behaviour.latency = 5.0  # so long that each query gets its own worker
        for number in range(2):
            warm = [f"SELECT answer FROM m WHERE text = 'warm {number} {one}'" for one in range(AT_ONCE)]
            list(clients.map(server.query, warm))
        provider.behaviour.latency = LATENCY
        for concurrency in ("not given", "64"):
            using = "" if concurrency == "not given" else f"USING concurrency = {concurrency}"
            print(f"\n{ROWS} rows at {LATENCY * 1000:.0f} ms, concurrency {concurrency}")
            for _ in range(RUNS):
                whole, run = timed(server, using)
                print(f"  one SELECT: {whole:.2f} s; its run {run:.2f} s, the host {whole - run:.2f} s")
            for _ in range(RUNS):
                names = [upload(server) for _ in range(AT_ONCE)]
                begin = time.perf_counter()
                list(clients.map(partial(join, server, using), names))
                print(f"  {AT_ONCE} at once: {time.perf_counter() - begin:.2f} s")


def timed(server: MindsDB, using: str) -> tuple[float, float]:
    """Return the seconds of a SELECT, and the seconds of its run alone."""
    name = upload(server)
    begin = time.perf_counter()
    join(server, using, name)
    seconds = time.perf_counter() - begin
    runs = server.query("DESCRIBE m.runs")
    return seconds, float(runs.sort_values("started").iloc[-1]["seconds"])


def upload(server: MindsDB) -> str:
    """Make a table of new texts, so that none is served from the answer cache."""
    name = f"rows_{time.time_ns()}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.csv")
        path.write_text("id,text\n" + "".join(f"{row},{name} {row}\n" for row in range(ROWS)))
        server.upload(name, path)
    return name


def join(server: MindsDB, using: str, name: str) -> None:
    frame = server.query(f"SELECT t.id, m.answer FROM files.{name} AS t JOIN m {using}")
    assert frame["answer"].notna().sum() == ROWS


if __name__ == "__main__":
    main()
