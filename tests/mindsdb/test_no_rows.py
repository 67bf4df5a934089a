"""A table without rows: typed columns, reasons and evidence are known there too, and jobs do not fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB

from portkey_handler.gateway.offline import OfflineProvider

TYPED = "PREDICT verdict USING engine = 'e', column = 'text', output = 'mood string, score float'"


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with two models and a table."""
    mindsdb, provider = running_mindsdb
    mindsdb.forget_answers()
    provider.reset(telling())
    tables = {"t": pd.DataFrame({"id": [1, 2], "text": ["one", "two"]})}
    models = {"m": "PREDICT tone USING engine = 'e', column = 'text'", "typed": TYPED}
    with making(mindsdb, folder=tmp_path, tables=tables, models=models):
        yield running_mindsdb


@pytest.mark.parametrize(
    ("columns", "model", "using"),
    [
        ("m.tone", "m", ""),
        ("m.tone, m.tone_error", "m", "USING on_error = 'null'"),
        ("m.tone, m.tone_evidence", "m", "USING evidence = true"),
        ("m.verdict", "typed", ""),
        ("m.mood, m.score", "typed", ""),
        ("m.mood, m.verdict_error, m.verdict_evidence", "typed", "USING on_error = 'null', evidence = true"),
    ],
)
def test_columns_of_no_rows(
    server: tuple[MindsDB, OfflineProvider], columns: str, model: str, using: str
) -> None:
    """Every job failed when nothing was new."""
    mindsdb, provider = server
    query = f"SELECT t.id, {columns} FROM files.t AS t JOIN {model} AS m WHERE t.id {{}} {using}"
    empty = mindsdb.query(query.format("> 5"))
    names = ["id", *(column.split(".")[1] for column in columns.split(", "))]
    assert (list(empty.columns), len(empty)) == (names, 0)
    assert asked_texts(provider) == []
    assert list(mindsdb.query(query.format("< 5")).columns) == names


def test_columns_after_retrain_are_the_new_ones(server: tuple[MindsDB, OfflineProvider]) -> None:
    """RETRAIN may give the model other columns."""
    mindsdb, _ = server
    mindsdb.query("RETRAIN typed USING output = 'colour string'")
    mindsdb.wait_for_model("typed")
    empty = mindsdb.query("SELECT t.id, m.colour FROM files.t AS t JOIN typed AS m WHERE t.id > 5")
    assert list(empty.columns) == ["id", "colour"]
