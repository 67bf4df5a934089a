"""A text in double quotes that is the name of a column: other databases read it as the column."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session


@pytest.fixture
def session(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Give a session with a table whose columns are called as people call them, and a model."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session() as running:
        running.register("t", pd.DataFrame({"Customer name": ["a"], "n": [1], "text": ["x"]}))
        running.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false;"
            "CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';"
            "CREATE MODEL k PREDICT found USING engine = 'e', column = 'text', output = {'tone': 'string'};"
        )
        yield running


def said(text: str, name: str) -> str:
    """Give the message about a text."""
    return (
        f'"{text}" in double quotes is a text, and also the name of a column: write `{name}` for the column, or '
        f"'{text}' for the text"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('SELECT "Customer name" FROM t', said("Customer name", "Customer name")),
        ('SELECT upper("customer NAME") AS u FROM t', said("customer NAME", "Customer name")),
        ("SELECT n FROM t WHERE \"customer name\" = 'a'", said("customer name", "Customer name")),
        ('SELECT n FROM t ORDER BY "n"', said("n", "n")),
        ('SELECT count(*) FROM t GROUP BY "n"', said("n", "n")),
        ('SELECT * FROM (SELECT n FROM t) AS q WHERE "n" = 1', said("n", "n")),
        ('WITH c AS (SELECT n FROM t) SELECT "n" FROM c', said("n", "n")),
        ('SELECT n FROM t UNION SELECT "n" FROM t', said("n", "n")),
        ('SELECT n FROM t WHERE n IN (SELECT "n" FROM t)', said("n", "n")),
        ('SELECT "n", m.answer FROM t JOIN m', said("n", "n")),
        ("SELECT t.n FROM t JOIN m WHERE \"answer\" LIKE 'x'", said("answer", "answer")),
        ('SELECT a.n FROM t AS a JOIN t AS b ON a.n = "n"', said("n", "n")),
        ('SELECT "Customer name" FROM (SELECT * FROM t) AS q', said("Customer name", "Customer name")),
        ('SELECT "n" FROM (SELECT a.* FROM (SELECT * FROM t) AS a JOIN t AS b) AS q', said("n", "n")),
        ('WITH c AS (SELECT * FROM t), d AS (SELECT * FROM c) SELECT "n" FROM d', said("n", "n")),
        ('WITH t AS (SELECT * FROM t) SELECT "n" FROM t', said("n", "n")),
        ('SELECT "answer" FROM (SELECT m.* FROM t JOIN m) AS q', said("answer", "answer")),
        ("SELECT t.n FROM t JOIN k WHERE \"tone\" = 'x'", said("tone", "tone")),
        ('SELECT "found_error" FROM t JOIN k', said("found_error", "found_error")),
        ('SELECT n AS "Number" FROM t ORDER BY "Number" DESC', said("Number", "Number")),
        ('SELECT upper(text) AS u, count(*) FROM t GROUP BY "u"', said("u", "u")),
        ('SELECT t.n AS `my n` FROM t JOIN m ORDER BY "my n"', said("my n", "my n")),
    ],
)
def test_a_column_in_double_quotes_is_refused(
    session: Session, provider: OfflineProvider, query: str, message: str
) -> None:
    """It was the same text in every row."""
    with pytest.raises(StatementError) as caught:
        session.sql(query)
    assert str(caught.value) == message
    assert provider.requests == []


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT `Customer name` FROM t", [["a"]]),
        ('SELECT n FROM t WHERE text = "x"', [[1]]),
        ("SELECT 'n' FROM t", [["n"]]),
        ('SELECT t."n" FROM t', [[1]]),
        ('SELECT "other" FROM t', [["other"]]),
        ('SELECT "u" AS u FROM t', [["u"]]),
        ('SELECT "it\'s" FROM t', [["it's"]]),
        ("SELECT 'say \"n\"' FROM t", [['say "n"']]),
        ('SELECT n /* "n" */ FROM t -- "n"', [[1]]),
    ],
)
def test_other_texts_stay_texts(session: Session, query: str, rows: list[list[object]]) -> None:
    """Double quotes are the dialect's, as in MindsDB."""
    assert session.sql(query).values.tolist() == rows


def test_hints_of_duckdb_are_in_backticks(session: Session) -> None:
    """What it writes in double quotes would be a text here."""
    with pytest.raises(StatementError) as caught:
        session.sql("SELECT customer FROM t")
    assert str(caught.value) == (
        "binder error: Referenced column `customer` not found in FROM clause! Candidate bindings: `Customer name`"
    )


def test_a_text_orders_nothing(session: Session) -> None:
    """DuckDB said which of its settings would allow it."""
    with pytest.raises(StatementError) as caught:
        session.sql("SELECT n FROM t ORDER BY 'n'")
    assert str(caught.value) == (
        "binder error: ORDER BY has a text, which orders nothing; names of columns stand in backticks"
    )
