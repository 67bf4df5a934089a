"""Seconds that 100 rows take in a real MindsDB, next to what the provider's latency alone would take.

    python benchmarks/mindsdb_100_rows.py

Needs what `make test` makes: the gateway's packages and MindsDB in an environment of its own. The removed
handler took 20.9 s for this, one row at a time.
"""

import math
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from support.gateway import Gateway  # noqa: E402 - found by the line above
from support.hosts import shared  # noqa: E402 - as above

ROWS = 100
LATENCY = 0.2  # seconds
RUNS = 3


def main() -> None:
    with (
        Gateway() as gateway,
        shared.running(gateway) as (server, provider),
        tempfile.TemporaryDirectory() as folder,
    ):
        server.query("CREATE ML_ENGINE e FROM portkey")
        server.query("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text'")
        server.wait_for_model("m")
        server.query("SELECT answer FROM m WHERE text = 'warm'")
        provider.behaviour.latency = LATENCY
        for flight in ("not given", 64, 100):
            using = "" if flight == "not given" else f"USING concurrency = {flight}"
            ideal = (
                f"{LATENCY * math.ceil(ROWS / flight):.1f} s ideal" if using else f"{LATENCY:.1f} s at best"
            )
            for run in range(RUNS):
                # New texts each time: what was answered before need not be asked again.
                name = f"rows_{flight}_{run}".replace(" ", "_")
                path = Path(folder, f"{name}.csv")
                path.write_text("id,text\n" + "".join(f"{row},{name} {row}\n" for row in range(ROWS)))
                server.upload(name, path)
                begin = time.perf_counter()
                frame = server.query(f"SELECT t.id, m.answer FROM files.{name} AS t JOIN m {using}")
                seconds = time.perf_counter() - begin
                assert frame["answer"].notna().sum() == ROWS
                print(
                    f"{ROWS} rows at {LATENCY * 1000:.0f} ms, concurrency {flight}: {seconds:.2f} s ({ideal})"
                )


if __name__ == "__main__":
    main()
