"""Ctrl-C while DuckDB computes: it ends at once, and the session goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pandas as pd
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session

#: Some minutes of work.
LONG = "SELECT count(*) AS n FROM a AS p JOIN a AS q ON p.x % 7 <> q.x % 5"


@pytest.fixture(autouse=True)
def _interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_computation() -> None:
    """As Python's own error; afterwards the same session answers."""
    with Session() as session:
        session.register("a", pd.DataFrame({"x": range(1_000_000)}))
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.sql(LONG)
        timer.join()
        assert session.sql("SELECT count(*) AS n FROM a")["n"].tolist() == [1_000_000]


def test_errors_and_other_threads_are_as_before() -> None:
    """An error comes out of the query; a session works in a thread of its own."""
    with Session() as session:
        session.register("a", pd.DataFrame({"x": ["one"]}))
        with pytest.raises(StatementError, match="Could not convert string 'one'"):
            session.sql("SELECT CAST(x AS INTEGER) AS n FROM a")
        found: list[list[str]] = []
        thread = threading.Thread(target=lambda: found.append(session.sql("SELECT x FROM a")["x"].tolist()))
        thread.start()
        thread.join(30)
        assert found == [["one"]]
