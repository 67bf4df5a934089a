"""Asked at once: what one client is asking another does not ask, and what it dies of holds nobody up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
from support.asking import assert_answered, create_engine, create_model, questions
from support.paid import Arrivals, Client, Paid, run_here

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest

CONCURRENCY = 16


def script(provider: OfflineProvider, **using: object) -> str:
    """Give the SQL by which a client asks the rows of files.t."""
    options = {"engine": "e", "model": "one", "column": "q", "concurrency": CONCURRENCY, **using}
    select = "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"
    return create_engine("e", {"base_url": provider.base_url}) + create_model("m", options) + select


def files_with(tmp_path: Path, rows: pd.DataFrame) -> Path:
    """Make the folder in which the clients find the rows."""
    files = tmp_path / "files"
    files.mkdir()
    rows.to_csv(files / "t.csv", index=False)
    return files


def test_four_clients_pay_for_the_same_rows_once(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Each is a process of its own, and has every answer."""
    provider.behaviour.latency = 0.02
    files = files_with(tmp_path, questions(400))
    sql = script(provider)
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(sql, files, home)) for _ in range(4)]
        for client in clients:
            ended = client.wait()
            assert ended.code == 0, ended.stderr
            assert_answered(pd.DataFrame(ended.rows), 400)
    assert (len(paid.answers), paid.twice) == (400, 0)


def test_sessions_in_threads_pay_for_the_same_rows_once(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Queries in one process are as far apart as those of several."""
    provider.behaviour.latency = 0.02
    files = files_with(tmp_path, questions(200))
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(lambda _: run_here(script(provider), files), range(4)):
            assert_answered(answers, 200)
    assert (len(paid.answers), paid.twice) == (200, 0)


def test_a_client_that_is_killed_leaves_its_rows_to_the_others(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Twice is paid what was in its flight, and no more; nobody waits for the dead."""
    provider.behaviour.latency = 0.05
    files = files_with(tmp_path, questions(400))
    sql = script(provider)
    with Client(sql, files, home) as first, Client(sql, files, home) as second:
        paid.wait(100)
        first.kill()
        ended = second.wait()
    assert ended.code == 0, ended.stderr
    assert_answered(pd.DataFrame(ended.rows), 400)
    assert len(paid.answers) == 400
    assert paid.twice <= CONCURRENCY


def test_a_client_that_hangs_is_not_waited_for(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """After `timeout` seconds the row that it is asking is asked again; the others are taken from it."""
    arrivals = Arrivals(None, only=lambda prompt: prompt == "question 7")

    def stalled(request: RecordedRequest) -> Fault | None:
        before = arrivals.count
        arrivals(request)
        return Fault("stall") if (before, arrivals.count) == (0, 1) else None

    provider.behaviour.faults = stalled
    files = files_with(tmp_path, questions(20))
    with Client(script(provider, timeout=600), files, home):
        arrivals.wait(1)
        paid.wait(19)
        assert_answered(run_here(script(provider, timeout=1), files), 20)
    assert arrivals.count == 2
    assert paid.asked == 21
