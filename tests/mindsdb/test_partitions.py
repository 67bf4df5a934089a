"""Queries that MindsDB runs in parts: every row once, which ones failed, and how to go on after that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import REFUSED, telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider, last_text

ROWS = 100
FIRST = 1000  # ids and numbers of rows are not the same
BAD = 57
SELECT = "SELECT t.id, m.answer FROM files.parted AS t JOIN m"
BATCHES = "track_column = id, batch_size = 30"


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with a model and a table of which one row is refused."""
    server, provider = running_mindsdb
    server.forget_answers()
    provider.reset(telling())
    texts = [REFUSED if row == BAD else f"text {row}" for row in range(ROWS)]
    parted = pd.DataFrame({"id": range(FIRST, FIRST + ROWS), "text": texts})
    with making(server, folder=tmp_path, tables={"parted": parted}):
        yield running_mindsdb


def answer_of(key: int) -> str | None:
    """Give the answer that a row has to have."""
    return None if key == FIRST + BAD else f"<text {key - FIRST}>"


def errors(server: MindsDB, before: int = 0) -> list[tuple[object, object]]:
    """Give row and status of the failures recorded since, newest first."""
    told = server.query("DESCRIBE m.errors")
    return list(zip(told["row"], told["status"], strict=True))[: len(told) - before]


def assert_rows(answers: pd.DataFrame, ids: range | list[int]) -> None:
    """Every row is there once, and has its own answer."""
    assert sorted(answers["id"]) == list(ids)
    assert answers["answer"].tolist() == [answer_of(key) for key in answers["id"]]


@pytest.mark.parametrize(
    "words",
    ["partition_size = 30", BATCHES, f"{BATCHES}, threads = 2", f"{BATCHES}, threads = 2, error = 'skip'"],
)
def test_every_row_comes_back_once(server: tuple[MindsDB, OfflineProvider], words: str) -> None:
    """In whatever parts: one request a row, each part a run of its own, and NULL only where a row failed."""
    mindsdb, provider = server
    before = len(mindsdb.query("DESCRIBE m.runs"))
    answers = mindsdb.query(f"{SELECT} USING {words}, on_error = 'null'")
    assert_rows(answers, range(FIRST, FIRST + ROWS))
    assert len(asked_texts(provider)) == len(set(asked_texts(provider))) == ROWS
    runs = mindsdb.query("DESCRIBE m.runs")
    runs = runs[: len(runs) - before]
    assert len(runs) >= 4
    assert (runs["rows"].sum(), runs["answered"].sum(), runs["failed"].sum()) == (ROWS, ROWS - 1, 1)


@pytest.mark.parametrize(
    ("words", "row"),
    [
        ("partition_size = 30, on_error = 'null'", BAD),
        (f"{BATCHES}, on_error = 'null'", f"id = {FIRST + BAD}"),
        (f"{BATCHES}, threads = 2, error = 'skip'", f"id = {FIRST + BAD}"),
    ],
)
def test_a_failed_row_is_told_by_what_finds_it(
    server: tuple[MindsDB, OfflineProvider], words: str, row: object
) -> None:
    """By its number in the whole table, or by the tracked column, not by its number in a part."""
    mindsdb, _ = server
    before = len(mindsdb.query("DESCRIBE m.errors"))
    mindsdb.query(f"{SELECT} USING {words}")
    assert errors(mindsdb, before) == [(row, 400)]


def test_a_batch_that_is_skipped_is_told(server: tuple[MindsDB, OfflineProvider]) -> None:
    """With error = 'skip' MindsDB leaves out the batch; DESCRIBE tells the row for which, and why."""
    mindsdb, provider = server
    answers = mindsdb.query(f"{SELECT} USING {BATCHES}, error = 'skip'")
    skipped = range(FIRST + 30, FIRST + 60)
    assert_rows(answers, [key for key in range(FIRST, FIRST + ROWS) if key not in skipped])
    [newest, *_] = mindsdb.query("DESCRIBE m.errors").to_dict("records")
    assert newest["row"] == f"id = {FIRST + BAD}"
    assert "The text was refused." in newest["reason"]
    # What of the batch was answered is kept.
    asked = len(asked_texts(provider))
    answers = mindsdb.query(f"{SELECT} USING {BATCHES}, on_error = 'null'")
    assert_rows(answers, range(FIRST, FIRST + ROWS))
    assert asked_texts(provider)[asked:] == [REFUSED]


def test_a_second_model_is_told_by_the_tracked_column(server: tuple[MindsDB, OfflineProvider]) -> None:
    """It gets the first one's rows, whose numbers MindsDB counts on; the column finds them."""
    mindsdb, provider = server
    mindsdb.query("CREATE MODEL judge PREDICT verdict USING engine = 'e', column = 'answer'")
    mindsdb.wait_for_model("judge")
    provider.behaviour.answer = lambda body: (
        REFUSED if last_text(body) == "text 40" else f"<{last_text(body)}>"
    )
    try:
        answers = mindsdb.query(
            "SELECT t.id, m.answer, j.verdict FROM files.parted AS t JOIN m JOIN judge AS j "
            f"USING {BATCHES}, on_error = 'null'"
        )
        assert answers["id"][answers["verdict"].isna()].tolist() == [FIRST + 40, FIRST + BAD]
        assert mindsdb.query("DESCRIBE judge.errors")["row"][0] == f"id = {FIRST + 40}"
    finally:
        mindsdb.query("DROP MODEL judge")


def _failed_query(mindsdb: MindsDB, using: str = "") -> int:
    """Run the query to its failure, and give the number under which MindsDB knows it."""
    with pytest.raises(
        MindsDBError, match=rf"29 answered and cached, 1 failed \(row id = {FIRST + BAD}: 400"
    ):
        mindsdb.query(f"{SELECT} USING {BATCHES}{using}")
    queries = mindsdb.query("SELECT id, processed_rows, error FROM information_schema.queries")
    newest = queries.sort_values("ID").iloc[-1]
    assert newest["PROCESSED_ROWS"] == 30
    assert "1 failed" in newest["ERROR"]
    return int(newest["ID"])


def test_the_same_select_goes_on_after_a_failure(server: tuple[MindsDB, OfflineProvider]) -> None:
    """It asks what was not answered, and nothing else."""
    mindsdb, provider = server
    _failed_query(mindsdb, ", max_tokens = 50")
    asked = asked_texts(provider)
    assert len(asked) == 60
    provider.behaviour.faults = None
    answers = mindsdb.query(f"{SELECT} USING {BATCHES}, max_tokens = 50")
    assert len(answers) == ROWS
    assert sorted(asked_texts(provider)[60:]) == sorted(
        [*(f"text {row}" for row in range(60, ROWS)), REFUSED]
    )


def test_a_resumed_query_asks_what_was_not_answered(server: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB's own words for it run the whole query anew, of which what is kept is not paid again."""
    mindsdb, provider = server
    number = _failed_query(mindsdb)
    provider.behaviour.faults = None
    answers = mindsdb.query(f"SELECT query_resume({number})")
    assert sorted(answers["id"]) == list(range(FIRST, FIRST + ROWS))
    assert len(asked_texts(provider)) == ROWS + 1
    mindsdb.query(f"SELECT query_cancel({number})")
    assert number not in mindsdb.query("SELECT id FROM information_schema.queries")["ID"].tolist()


def test_a_resumed_query_has_lost_its_options(server: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB keeps the query without its USING: what was asked with an option is asked anew without it."""
    mindsdb, provider = server
    number = _failed_query(mindsdb, ", max_tokens = 50")
    provider.behaviour.faults = None
    answers = mindsdb.query(f"SELECT query_resume({number})")
    assert answers["answer"][0] == "<text 0>"  # not "<text 0> max 50"
    assert len(asked_texts(provider)) == 60 + ROWS


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (f"{SELECT} ORDER BY t.id USING {BATCHES}", "2"),
        (f"{SELECT} LIMIT 5 USING {BATCHES}", "2"),
        (f"SELECT upper(m.answer) AS big FROM files.parted AS t JOIN m USING {BATCHES}", "2"),
        (f"{SELECT} USING batch_size = 30", "Track column is not defined"),
    ],
)
def test_what_mindsdb_cannot_run_in_batches(
    server: tuple[MindsDB, OfflineProvider], query: str, error: str
) -> None:
    """ORDER BY, LIMIT and expressions fail in the host, by a message that says nothing: docs/ has to."""
    mindsdb, provider = server
    provider.behaviour.faults = None
    with pytest.raises(MindsDBError) as caught:
        mindsdb.query(query)
    assert str(caught.value) == error
