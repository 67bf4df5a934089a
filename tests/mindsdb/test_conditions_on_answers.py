"""WHERE on an answer: MindsDB hands it over as an input, so it is refused, or a warning in the log names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider

MODELS = {
    "m": "PREDICT tone USING engine = 'e', column = 'text'",
    "typed": "PREDICT verdict USING engine = 'e', column = 'text', output = 'mood string', on_error = 'null'",
    "same": "PREDICT text USING engine = 'e', column = 'text'",
}


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with models and a table that has a column of a model's target."""
    mindsdb, provider = running_mindsdb
    mindsdb.forget_answers()
    provider.reset(telling())
    tables = {
        "t": pd.DataFrame({"id": [1, 2], "text": ["one", "two"]}),
        "labelled": pd.DataFrame({"id": [1, 2], "text": ["one", "two"], "tone": ["good", "bad"]}),
    }
    with making(mindsdb, folder=tmp_path, tables=tables, models=MODELS):
        yield running_mindsdb


@pytest.mark.parametrize(
    ("model", "condition", "column"),
    [
        ("m", "text = 'one' AND tone = 'negative'", "tone"),
        ("m", "tone = 'negative' AND text = 'one'", "tone"),
        ("m", "text = 'one' AND TONE = 'negative'", "TONE"),
        ("m", "text = 'one' AND tone_error = 'x'", "tone_error"),
        ("typed", "text = 'one' AND mood = 'good'", "mood"),
        ("typed", "text = 'one' AND verdict_error = 'x'", "verdict_error"),
        ("same", "text = 'one'", "text"),
    ],
)
def test_a_condition_on_the_answer_of_one_row_is_refused(
    server: tuple[MindsDB, OfflineProvider], model: str, condition: str, column: str
) -> None:
    """The value of the WHERE came back as the model's answer."""
    mindsdb, provider = server
    with pytest.raises(MindsDBError) as caught:
        mindsdb.query(f"SELECT * FROM {model} WHERE {condition}")
    assert f"WHERE {column} = … names a column of this model's answer" in str(caught.value)
    assert asked_texts(provider) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM m WHERE text = 'one'",
        "SELECT tone FROM (SELECT tone FROM m WHERE text = 'one') AS s WHERE tone = '<one>'",
        "SELECT t.id, m.tone FROM files.t AS t JOIN m WHERE m.tone IN ('<one>')",
        "SELECT t.id, m.tone FROM files.t AS t JOIN m WHERE m.tone LIKE '<one>'",
        "SELECT * FROM (SELECT t.id, m.tone FROM files.t AS t JOIN m) AS s WHERE tone = '<one>'",
    ],
)
def test_what_to_write_instead_works(server: tuple[MindsDB, OfflineProvider], query: str) -> None:
    """The forms that the message and the page show."""
    mindsdb, _ = server
    assert mindsdb.query(query)["tone"].tolist() == ["<one>"]


def test_a_column_of_the_tables_own_keeps_working(
    server: tuple[MindsDB, OfflineProvider],
) -> None:
    """Labels beside answers; a line of the log names what MindsDB makes of WHERE."""
    mindsdb, _ = server
    rows = mindsdb.query("SELECT l.tone AS label, m.tone FROM files.labelled AS l JOIN m ORDER BY l.id")
    assert rows.values.tolist() == [["good", "<one>"], ["bad", "<two>"]]
    assert (
        "the table's column tone has the name of this model's output; WHERE m.tone = … is taken as an input by "
        "MindsDB: write WHERE m.tone IN (…)" in mindsdb.log.read_text(encoding="utf-8", errors="replace")
    )
