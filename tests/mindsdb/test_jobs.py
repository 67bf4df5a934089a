"""Jobs with a model in them: what a run that failed leaves to the next one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from support import unavailable
from support.gateway import Gateway
from support.hosts import environment
from support.mindsdb import MindsDB, MindsDBUnavailable
from support.notes import NOTES, answers, expected, notes, refuse_nothing
from support.paid import Paid

from portkey_handler.gateway.offline import OfflineProvider

#: Longer than anything here takes, in seconds; between two looks of the scheduler there are up to ten.
STUCK = 180.0
#: Due whenever MindsDB's scheduler looks.
ALWAYS = "EVERY 0 minutes"
#: The jobs by the tables that they fill; one looks into its table, the other asks MindsDB where it was.
JOBS = {
    "by_table": """
        INSERT INTO files.by_table
        SELECT n.id, m.answer
        FROM (SELECT * FROM files.notes WHERE id NOT IN (SELECT id FROM files.by_table)) AS n JOIN m
    """,
    "by_last": """
        INSERT INTO files.by_last
        SELECT n.id, m.answer FROM files.notes AS n JOIN m WHERE n.id > LAST
    """,
}
#: What to write instead of LAST.
ABOVE_WHAT_IS_KEPT = JOBS["by_last"].replace("LAST", "(SELECT coalesce(max(id), 0) FROM files.by_last)")


@pytest.fixture(scope="module")
def ran(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MindsDB, Paid]]:
    """Give a server whose two jobs have failed once at the same new notes, and then have run again."""
    folder = tmp_path_factory.mktemp("jobs")
    try:
        with (
            OfflineProvider() as provider,
            MindsDB(folder, environment(gateway, provider), jobs=True) as server,
            notes(server, provider, folder) as paid,
        ):
            server.query("CREATE TABLE files.new_notes (SELECT * FROM files.notes WHERE id > 2)")
            server.query("CREATE OR REPLACE TABLE files.notes (SELECT * FROM files.notes WHERE id < 3)")
            for job, statement in JOBS.items():
                server.query(f"CREATE TABLE files.{job} (id INT, answer TEXT)")
                server.query(f"CREATE JOB {job} ({statement}) {ALWAYS}")
            wait_until(lambda: all(runs(server, job) for job in JOBS))
            server.query("INSERT INTO files.notes SELECT * FROM files.new_notes")
            wait_until(lambda: all(any(runs(server, job)) for job in JOBS))
            refuse_nothing(paid)
            wait_until(lambda: not any(runs(server, job)[-1] for job in JOBS))
            yield server, paid
            for job in JOBS:
                server.query(f"DROP JOB {job}")
    except MindsDBUnavailable as reason:
        unavailable(str(reason))


def runs(server: MindsDB, job: str) -> list[str]:
    """Give the errors of a job's runs that have ended, in order; "" where there was none."""
    history = server.query(f"SELECT run_end, error FROM log.jobs_history WHERE name = '{job}'")
    return [row.error or "" for row in history.itertuples() if row.run_end is not None]


def wait_until(reached: Callable[[], bool]) -> None:
    """Return when something is so; fail when it never is."""
    until = time.monotonic() + STUCK
    while not reached():
        assert time.monotonic() < until, f"not so after {STUCK:g} s"
        time.sleep(0.2)


def test_a_job_that_failed_is_completed_by_its_next_run(ran: tuple[MindsDB, Paid]) -> None:
    """Every note is in the table once, and every answer was paid once, over all runs of both jobs."""
    server, paid = ran
    assert answers(server, "files.by_table") == expected(*NOTES)
    assert paid.answers == dict.fromkeys(NOTES.values(), 1)


def test_the_history_says_which_row_failed(ran: tuple[MindsDB, Paid]) -> None:
    """The run's error begins with what, where and the remedy; the model describes its failed rows, too."""
    server, _ = ran
    failed = [error for error in runs(server, "by_table") if error]
    assert failed[0].startswith(
        "[e/m]: QueryError: 3 answered and cached, 1 failed (row 3: 400 from openai: "
    )
    assert "run again to send only that one" in failed[0].splitlines()[0]
    assert "The text was refused." in server.query("DESCRIBE m.errors")["reason"].iloc[0]


def test_last_moves_on_although_the_model_failed(ran: tuple[MindsDB, Paid]) -> None:
    """MindsDB never asks for the rows of that run again; without LAST they are written, and cost nothing."""
    server, paid = ran
    assert answers(server, "files.by_last") == []
    asked = paid.since()
    server.query(ABOVE_WHAT_IS_KEPT)
    assert answers(server, "files.by_last") == expected(*NOTES)
    server.query(ABOVE_WHAT_IS_KEPT)
    assert answers(server, "files.by_last") == expected(*NOTES)
    assert asked() == 0
