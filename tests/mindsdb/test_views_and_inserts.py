"""Views over models, and tables filled from models: what failed is asked again, and nothing else is paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mindsdb import MindsDB, MindsDBError
from support.notes import NOTES, answers, expected, notes, refuse_nothing
from support.paid import Paid

from portkey_handler.gateway.offline import OfflineProvider

ONE_FAILED = (
    r"QueryError: \d answered and cached, 1 failed \(row \d: 400 from openai: .*; run again to send only"
)


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server with the notes and their model, and a DuckDB file as a database that can be written."""
    mindsdb, provider = running_mindsdb
    with notes(mindsdb, provider, tmp_path) as paid:
        file = tmp_path / "own.duckdb"
        mindsdb.query(f"""CREATE DATABASE duck ENGINE = 'duckdb', PARAMETERS = {{"database": "{file}"}}""")
        yield mindsdb, paid
        mindsdb.query("DROP DATABASE duck")


@pytest.fixture
def view(server: tuple[MindsDB, Paid]) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server with a view that joins the notes with their model."""
    mindsdb, paid = server
    mindsdb.query("CREATE VIEW told AS (SELECT n.id, m.answer FROM files.notes AS n JOIN m)")
    yield mindsdb, paid
    mindsdb.query("DROP VIEW told")


@pytest.fixture
def kept(server: tuple[MindsDB, Paid]) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server, and drop the table `files.kept` that the test makes."""
    yield server
    server[0].query("DROP TABLE files.kept")


def test_to_create_a_view_asks_for_one_row(view: tuple[MindsDB, Paid]) -> None:
    """MindsDB tries a new view with LIMIT 1, and that row's answer is kept for the first SELECT."""
    mindsdb, paid = view
    assert paid.answers == {"note 1": 1}
    refuse_nothing(paid)
    assert answers(mindsdb, "told") == expected(*NOTES)
    assert (paid.total, paid.twice) == (6, 0)


def test_a_view_is_paid_once(view: tuple[MindsDB, Paid]) -> None:
    """Whoever selects from it again, with another ORDER BY and LIMIT too, gets the answers that were kept."""
    mindsdb, paid = view
    refuse_nothing(paid)
    assert answers(mindsdb, "told") == expected(*NOTES)
    asked = paid.since()
    assert answers(mindsdb, "told") == expected(*NOTES)
    last = mindsdb.query("SELECT id, answer FROM told WHERE id > 2 ORDER BY id DESC LIMIT 2")
    assert last["id"].tolist() == [6, 5]
    assert asked() == 0


def test_after_a_failed_row_a_view_asks_only_that_one(view: tuple[MindsDB, Paid]) -> None:
    """The SELECT fails as a whole; the next one sends one request and has every row."""
    mindsdb, paid = view
    with pytest.raises(MindsDBError, match=ONE_FAILED):
        mindsdb.query("SELECT * FROM told")
    refuse_nothing(paid)
    asked = paid.since()
    assert answers(mindsdb, "told") == expected(*NOTES)
    assert (asked(), paid.twice) == (1, 0)


def test_conditions_above_a_view_choose_among_its_answers(view: tuple[MindsDB, Paid]) -> None:
    """WHERE and LIMIT of the SELECT hold for the view's rows, all of which are asked, answers included."""
    mindsdb, paid = view
    refuse_nothing(paid)
    chosen = mindsdb.query("SELECT id FROM told WHERE answer = 'the answer to note 3' LIMIT 1")
    assert chosen["id"].tolist() == [3]
    assert paid.total == 6


def test_conditions_and_options_in_a_view_reach_the_model(server: tuple[MindsDB, Paid]) -> None:
    """What the view itself says limits what is asked and how; USING of a SELECT from the view does not."""
    mindsdb, paid = server
    mindsdb.query(
        "CREATE VIEW few AS (SELECT n.id, m.answer FROM files.notes AS n JOIN m WHERE n.id < 3 "
        "USING max_tokens = 60)"
    )
    try:
        frame = mindsdb.query("SELECT id FROM few USING max_tokens = 70")
    finally:
        mindsdb.query("DROP VIEW few")
    assert frame["id"].tolist() == [1, 2]
    assert [request.body["max_tokens"] for request in paid.posts] == [60, 60]


@pytest.mark.parametrize("database", ["files", "duck"])
def test_an_insert_that_failed_goes_on_where_it_was(server: tuple[MindsDB, Paid], database: str) -> None:
    """It writes nothing, its answers are kept, and run again it asks one row and writes each row once."""
    mindsdb, paid = server
    insert = (
        f"INSERT INTO {database}.kept SELECT n.id, m.answer "
        f"FROM (SELECT * FROM {database}.source WHERE id NOT IN (SELECT id FROM {database}.kept)) AS n JOIN m"
    )
    try:
        mindsdb.query(f"CREATE TABLE {database}.source (SELECT * FROM files.notes)")
        mindsdb.query(
            f"CREATE TABLE {database}.kept "
            "(SELECT n.id, m.answer FROM files.notes AS n JOIN m WHERE n.id = 1)"
        )
        with pytest.raises(MindsDBError, match=ONE_FAILED):
            mindsdb.query(insert)
        assert answers(mindsdb, f"{database}.kept") == expected(1)
        assert paid.total == 5
        refuse_nothing(paid)
        asked = paid.since()
        mindsdb.query(insert)
        assert asked() == 1
        assert answers(mindsdb, f"{database}.kept") == expected(*NOTES)
        assert paid.twice == 0
    finally:
        mindsdb.query(f"DROP TABLE {database}.source")
        mindsdb.query(f"DROP TABLE {database}.kept")


def test_an_insert_of_new_rows_may_be_run_at_any_time(kept: tuple[MindsDB, Paid]) -> None:
    """Into an empty table, and when nothing is new: it asks what is missing and doubles nothing."""
    mindsdb, paid = kept
    refuse_nothing(paid)
    mindsdb.query("CREATE TABLE files.kept (id INT, answer TEXT)")
    for requests in (6, 0, 0):
        asked = paid.since()
        mindsdb.query(
            "INSERT INTO files.kept SELECT n.id, m.answer "
            "FROM (SELECT * FROM files.notes WHERE id NOT IN (SELECT id FROM files.kept)) AS n JOIN m"
        )
        assert asked() == requests
        assert answers(mindsdb, "files.kept") == expected(*NOTES)


def test_an_insert_without_a_condition_doubles_rows_but_pays_nothing(kept: tuple[MindsDB, Paid]) -> None:
    """The statement says that all rows are written again; their answers are kept."""
    mindsdb, paid = kept
    refuse_nothing(paid)
    mindsdb.query("CREATE TABLE files.kept (SELECT n.id, m.answer FROM files.notes AS n JOIN m)")
    mindsdb.query("INSERT INTO files.kept SELECT n.id, m.answer FROM files.notes AS n JOIN m")
    assert answers(mindsdb, "files.kept") == sorted(2 * expected(*NOTES))
    assert (paid.total, paid.twice) == (6, 0)


def test_a_table_that_failed_is_not_there_and_then_is_whole(kept: tuple[MindsDB, Paid]) -> None:
    """CREATE TABLE from a model makes no half table, and run again asks only the row that failed."""
    mindsdb, paid = kept
    create = "CREATE TABLE files.kept (SELECT n.id, m.answer FROM files.notes AS n JOIN m)"
    with pytest.raises(MindsDBError, match=ONE_FAILED):
        mindsdb.query(create)
    assert "kept" not in mindsdb.query("SHOW TABLES FROM files").iloc[:, 0].tolist()
    refuse_nothing(paid)
    asked = paid.since()
    mindsdb.query(create)
    assert answers(mindsdb, "files.kept") == expected(*NOTES)
    assert (asked(), paid.twice) == (1, 0)


def test_answers_outlive_a_table_that_cannot_be_written(server: tuple[MindsDB, Paid]) -> None:
    """The database refuses the rows after they were paid; written elsewhere they cost nothing."""
    mindsdb, paid = server
    refuse_nothing(paid)
    with pytest.raises(MindsDBError, match="Table with name kept does not exist"):
        mindsdb.query("INSERT INTO duck.kept SELECT n.id, m.answer FROM files.notes AS n JOIN m")
    assert paid.total == 6
    mindsdb.query("CREATE TABLE duck.kept (SELECT n.id, m.answer FROM files.notes AS n JOIN m)")
    assert answers(mindsdb, "duck.kept") == expected(*NOTES)
    assert (paid.asked, paid.twice) == (6, 0)


def test_failed_rows_that_were_written_as_null_are_asked_again(server: tuple[MindsDB, Paid]) -> None:
    """With on_error = 'null' a run always writes; deleting its NULLs makes those rows new."""
    mindsdb, paid = server
    create = (
        "CREATE TABLE duck.kept (SELECT n.id, m.answer FROM duck.source AS n JOIN m USING on_error = 'null')"
    )
    mindsdb.query("CREATE TABLE duck.source (SELECT * FROM files.notes)")
    mindsdb.query(create)
    assert answers(mindsdb, "duck.kept") == [*expected(1, 2, 3, 4, 5), (6, None)]
    refuse_nothing(paid)
    asked = paid.since()
    mindsdb.query("DELETE FROM duck.kept WHERE answer IS NULL")
    mindsdb.query(
        "INSERT INTO duck.kept SELECT n.id, m.answer "
        "FROM (SELECT * FROM duck.source WHERE id NOT IN (SELECT id FROM duck.kept)) AS n JOIN m"
    )
    assert answers(mindsdb, "duck.kept") == expected(*NOTES)
    assert (asked(), paid.twice) == (1, 0)
