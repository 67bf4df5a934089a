"""Never paid twice, inside MindsDB: killed workers, killed servers, clients that go away, many at once."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from support import unavailable
from support.asking import assert_answered, questions
from support.gateway import Gateway
from support.hosts import environment
from support.making import making, upload
from support.mindsdb import MindsDB, MindsDBError, MindsDBUnavailable
from support.paid import STUCK, Paid

from portkey_handler.gateway.offline import OfflineProvider

ROWS = 2000
CONCURRENCY = 16
MODELS = {"m": f"PREDICT answer USING engine = 'e', column = 'q', concurrency = {CONCURRENCY}"}
SELECT = "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"
#: What a client sees of a server that goes away.
GONE = (OSError, http.client.HTTPException, MindsDBError)


# What is killed


@pytest.fixture(scope="module")
def _own_server(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MindsDB, Paid]]:
    """Give a server that nobody else uses, with a model and a table."""
    folder = tmp_path_factory.mktemp("mindsdb")
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(OfflineProvider())
        try:
            server = stack.enter_context(MindsDB(folder, environment(gateway, provider)))
        except MindsDBUnavailable as reason:
            unavailable(str(reason))
        with making(server, folder=folder, tables={"t": questions(ROWS)}, models=MODELS):
            yield server, Paid(provider)


@pytest.fixture
def own(_own_server: tuple[MindsDB, Paid]) -> tuple[MindsDB, Paid]:
    """Give that server, and a stand-in that takes its time and has answered nothing yet."""
    server, paid = _own_server
    server.forget_answers()
    paid.provider.reset()
    paid = Paid(paid.provider)
    paid.provider.behaviour.latency = 0.02
    return server, paid


def _interrupted(server: MindsDB, paid: Paid, interrupt: str, port: int) -> str:
    """Kill something in the middle of the SELECT, start the server anew, and give what the client saw."""
    with ThreadPoolExecutor(1) as pool:
        select = pool.submit(server.query, SELECT)
        paid.wait(ROWS // 3)
        if interrupt == "worker":
            assert server.kill_workers(port) == 1
        else:
            server.restart(signal.Signals[interrupt])
        with pytest.raises(GONE) as caught:
            select.result(STUCK)
    if interrupt == "worker":
        # MindsDB goes on to hand calls to the process that is gone, for two minutes.
        with pytest.raises(
            MindsDBError, match=r"A child process terminated abruptly, the process pool is not"
        ):
            server.query(SELECT)
        server.restart()
    return str(caught.value)


@pytest.mark.parametrize("interrupt", ["worker", "SIGTERM", "SIGKILL"])
def test_a_kill_costs_at_most_what_was_in_flight(
    own: tuple[MindsDB, Paid], gateway: Gateway, interrupt: str
) -> None:
    """Of a worker or the whole server: the same SELECT completes, and pays twice only what was in flight."""
    server, paid = own
    said = _interrupted(server, paid, interrupt, gateway.port)
    if interrupt == "worker":
        assert said.startswith(
            "[e/m]: A process in the process pool was terminated abruptly while the future"
        )
    assert_answered(server.query(SELECT).sort_values("id"), ROWS)
    assert len(paid.answers) == ROWS
    assert paid.twice <= CONCURRENCY
    since = paid.since()
    assert_answered(server.query(SELECT).sort_values("id"), ROWS)
    assert since() == 0
    home = server.folder / "storage" / "portkey_handler"
    databases = [home / "ledger.sqlite", *(home / "journal").glob("*")]
    assert [path.name for path in databases if "damaged" in path.name] == []
    for path in databases:
        if path.suffix == ".sqlite":
            with contextlib.closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert server.query("DESCRIBE m.runs")["answered"].tolist()[:2] == [ROWS, ROWS]


@pytest.mark.soak
def test_the_engine_works_again_two_minutes_after_its_worker_was_killed(
    own: tuple[MindsDB, Paid], gateway: Gateway
) -> None:
    """MindsDB lets go of the dead process by itself; until then every call of the engine fails."""
    server, paid = own
    with ThreadPoolExecutor(1) as pool:
        select = pool.submit(server.query, SELECT)
        paid.wait(ROWS // 3)
        server.kill_workers(gateway.port)
        with pytest.raises(MindsDBError, match="terminated abruptly"):
            select.result(STUCK)
    until = time.monotonic() + 240
    said = _complaint(server)
    while said:
        assert "the process pool is not usable anymore" in said
        assert time.monotonic() < until
        threading.Event().wait(2)
        said = _complaint(server)
    assert_answered(server.query(SELECT).sort_values("id"), ROWS)
    assert paid.twice <= CONCURRENCY


def _complaint(server: MindsDB) -> str:
    """Run the SELECT, and give what the server says against it; nothing where it succeeds."""
    try:
        server.query(SELECT)
    except MindsDBError as error:
        return str(error)
    return ""


# What goes on at the same time


@pytest.fixture
def shared(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server that all tests use, with a model, and a stand-in that has answered nothing yet."""
    server, provider = running_mindsdb
    server.forget_answers()
    provider.reset()
    paid = Paid(provider)
    with making(server, models=MODELS):
        yield server, paid
    for table in {"t", "t0", "t1", "t2", "t3"} & set(server.query("SHOW TABLES FROM files").iloc[:, 0]):
        server.query(f"DROP TABLE files.{table}")


def test_four_selects_at_once_each_get_their_own(shared: tuple[MindsDB, Paid], tmp_path: Path) -> None:
    """Every row of tables that overlap has its answer, and what several ask at once is asked once in all."""
    server, paid = shared
    paid.provider.behaviour.latency = 0.02
    rows = questions(500)
    rows["q"] = rows["q"].where(rows["id"] % 10 > 0, "what many rows ask")
    tables = [rows.iloc[start : start + 300] for start in (0, 50, 100, 200)]
    for number, rows in enumerate(tables):
        upload(server, tmp_path, f"t{number}", rows)
    selects = [SELECT.replace("files.t ", f"files.t{number} ") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for rows, answers in zip(tables, pool.map(server.query, selects), strict=True):
            assert answers["id"].tolist() == rows["id"].tolist()
            assert answers["answer"].tolist() == [f"the answer to {question}" for question in rows["q"]]
    assert set(paid.answers) == set(pd.concat(tables)["q"])
    assert paid.twice == 0
    since = paid.since()
    for select in selects:
        server.query(select)
    assert since() == 0


def test_twenty_small_selects_at_once(shared: tuple[MindsDB, Paid]) -> None:
    """No file is locked and no row lost, and what two of them ask is asked once."""
    server, paid = shared

    def ask(number: int) -> str:
        [answer] = server.query(f"SELECT answer FROM m WHERE q = 'question {number % 10}'")["answer"]
        return str(answer)

    before = len(server.query("DESCRIBE m.runs"))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert answers == [f"the answer to question {number % 10}" for number in range(20)]
    assert (len(paid.answers), paid.total) == (10, 10)
    runs = server.query("DESCRIBE m.runs")
    assert (len(runs) - before, set(runs["answered"][:20])) == (20, {1})


# Who goes away


def _leave(server: MindsDB, sql: str, paid: Paid, answers: int) -> str:
    """Send a statement, close the connection when so many answers were made, and give how the query ended."""
    before = len(server.query("DESCRIBE m.runs"))
    body = json.dumps({"query": sql}).encode()
    head = (
        f"POST /api/sql/query HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=STUCK) as connection:
        connection.sendall(head.encode() + body)
        paid.wait(answers)
    until = time.monotonic() + STUCK
    while time.monotonic() < until:
        runs = server.query("DESCRIBE m.runs")
        if len(runs) > before:
            return str(runs["ended"][0])
        threading.Event().wait(0.2)
    raise AssertionError(f"the query has not ended after {STUCK:g} s")


def test_a_client_that_goes_away_has_its_answers_later(shared: tuple[MindsDB, Paid], tmp_path: Path) -> None:
    """The call runs to its end, and the same SELECT of another client pays nothing."""
    server, paid = shared
    upload(server, tmp_path, "t", questions(300))
    paid.provider.behaviour.latency = 0.05
    assert _leave(server, SELECT, paid, 50) == "done"
    assert paid.total == 300
    assert_answered(server.query(SELECT), 300)
    assert paid.asked == 300


def test_a_call_without_a_client_ends_by_its_deadline(shared: tuple[MindsDB, Paid], tmp_path: Path) -> None:
    """What was answered until then is kept, and only the rest is paid later."""
    server, paid = shared
    upload(server, tmp_path, "t", questions(300))
    paid.provider.behaviour.latency = 0.5
    ended = _leave(server, f"{SELECT} USING deadline = 3", paid, 8)
    assert ended.startswith("deadline passed; "), ended
    paid.provider.behaviour.latency = 0
    since = paid.since()
    answered = server.query("DESCRIBE m.runs")["answered"][0]
    assert_answered(server.query(SELECT), 300)
    assert since() == 300 - answered
