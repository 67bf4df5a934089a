"""Rows that are shown without a frame."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import pytest

from portkey_handler.errors import InputError
from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.session import Session
from portkey_handler.session.done import Done
from portkey_handler.session.result_frames import to_frame
from portkey_handler.session.table import Table, as_frame, first_rows

TYPES = [name for name, *_ in duckdb.sql("DESCRIBE FROM test_all_types()").fetchall()]


def shown(cell: Any) -> str:
    """Return a cell as it is shown."""
    try:
        return "NULL" if is_null(cell) else to_text(cell)
    except (InputError, NotImplementedError) as error:  # the latter is pandas': years beyond Python's
        return str(error)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_shown_as_in_a_frame(name: str) -> None:
    """Smallest, largest and NULL of each of DuckDB's types are the same text with and without pandas."""
    with duckdb.connect() as connection:
        rows = Table(connection.sql(f'SELECT "{name}" FROM test_all_types()').to_arrow_table())
    frame = to_frame(rows)

    names, cells, total = first_rows(rows, 10)

    assert (names, total) == ([name], 3)
    assert [shown(cell) for (cell,) in cells] == [shown(cell) for cell in frame.iloc[:, 0]]


def test_json_is_shown_as_in_a_frame(session: Session) -> None:
    """JSON is decoded, so that a text has no quotes."""
    ((_, result),) = session.results(
        """SELECT CAST('"text"' AS JSON) AS a, CAST('{"b": [1]}' AS JSON) AS c"""
    )

    assert list(first_rows(result, 10)[1]) == [("text", {"b": [1]})]


def test_names_that_repeat_and_rows_that_are_too_many(session: Session) -> None:
    """Names are told apart, and only the first rows are given, with the number of all."""
    ((_, result),) = session.results("SELECT id AS a, id AS a FROM files.reviews ORDER BY id")
    names, rows, total = first_rows(result, 2)

    assert names == ["a", "a_1"]
    assert (list(rows), total) == ([(1, 1), (2, 2)], 5)


def test_what_is_no_query(session: Session) -> None:
    """SHOW gives a frame, and a statement without rows says what it has done; as a frame it is empty."""
    (_, engines), (_, dropped) = session.results("SHOW ML_ENGINES; DROP MODEL m")

    assert isinstance(engines, pd.DataFrame)
    assert first_rows(engines, 0)[0] == ["NAME", "HANDLER", "CONNECTION_DATA"]
    assert dropped == Done("model m was dropped")
    assert as_frame(dropped).shape == (0, 0)


def test_json_that_is_nested_too_deeply_is_no_foreign_error(session: Session) -> None:
    """It was a RecursionError; its text is still there for who asks for it."""
    deep = "[" * 50_000 + "]" * 50_000
    [cell] = session.sql(f"SELECT CAST('{deep}' AS JSON) AS a")["a"]
    assert "the JSON is nested too deeply; CAST it to text in the SELECT" in repr(cell)
    assert session.sql(f"SELECT CAST(CAST('{deep}' AS JSON) AS TEXT) AS a")["a"].tolist() == [deep]
