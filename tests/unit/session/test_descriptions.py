"""DESCRIBE of tables and queries, SUMMARIZE, EXPLAIN: what they show, and that nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import NotFoundError, StatementError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

COLUMNS = [["id", "BIGINT"], ["text", "VARCHAR"], ["stars", "BIGINT"], ["code", "VARCHAR"]]


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("DESCRIBE files.reviews", COLUMNS),
        ("DESC files.`reviews`", COLUMNS),
        ("DESCRIBE TABLE files.reviews", COLUMNS),
        ("DESCRIBE SELECT id, [id] AS l FROM files.reviews", [["id", "BIGINT"], ["l", "BIGINT[]"]]),
        ("DESCRIBE FROM files.reviews", COLUMNS),
        ("DESCRIBE t", [["a", "BIGINT"]]),
        ("DESCRIBE INSERT INTO files.reviews SELECT id FROM files.reviews", [["id", "BIGINT"]]),
    ],
)
def test_describe(session: Session, statement: str, rows: Any) -> None:
    """Names and types of the columns."""
    session.register("t", pd.DataFrame({"a": [1]}))
    found = session.sql(statement)
    assert list(found.columns) == ["column_name", "column_type"]
    assert found.to_numpy().tolist() == rows


def test_models_are_described_as_before(session: Session) -> None:
    """DESCRIBE and DESC of a model."""
    assert session.sql("DESCRIBE m")["NAME"].tolist() == ["m"]
    assert session.sql("DESC m")["NAME"].tolist() == ["m"]


@pytest.mark.parametrize("statement", ["SUMMARIZE files.reviews", "SUMMARIZE SELECT * FROM files.reviews"])
def test_summarize(session: Session, statement: str) -> None:
    """DuckDB's summary, a row for each column."""
    found = session.sql(statement).set_index("column_name")
    assert found.index.tolist() == ["id", "text", "stars", "code"]
    assert found.loc["stars", ["min", "max", "count"]].tolist() == ["1", "5", 5]


def test_summarize_the_answers(session: Session, asked: Any) -> None:
    """A query with a model is asked, as any query."""
    found = session.sql("SUMMARIZE SELECT m.answer FROM files.reviews AS r JOIN m WHERE r.id < 3")
    assert found["max"].tolist() == ["TWO\nLINES"]
    assert asked.rows == 2


def test_explain_data(session: Session) -> None:
    """DuckDB's plan."""
    found = session.sql("EXPLAIN SELECT count(*) AS n FROM files.reviews WHERE stars > 3")
    assert found["step"].tolist() == ["plan"]
    assert "aggregate" in found["what"][0].lower()
    assert "count_star()" in found["what"][0].lower()


@pytest.fixture
def real(provider: OfflineProvider, tmp_path: Path) -> Iterator[Session]:
    """Open a session with the real handler, two models, and 40 rows."""
    with Session(files=tmp_path) as opened:
        opened.register("t", pd.DataFrame({"id": range(40), "text": [f"row {n}" for n in range(40)]}))
        opened.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL a PREDICT keep USING engine = 'e', model = 'one', prompt_template = 'keep {{text}}';"
            "CREATE MODEL b PREDICT kind USING engine = 'e', model = 'one', prompt_template = 'kind {{text}}'"
        )
        yield opened


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("SELECT a.keep FROM t JOIN a WHERE t.id < 10", ["ask a: 10 rows, 10 requests"]),
        ("FROM t JOIN a LIMIT 3", ["ask a: 3 rows, 3 requests"]),
        (
            "SELECT * FROM (SELECT t.text, a.keep FROM t JOIN a WHERE a.keep = 'yes') AS s JOIN b",
            ["ask b: 40 rows, 40 requests", "└ ask a: 40 rows, 40 requests"],
        ),
        (
            "WITH s AS (SELECT t.text FROM t JOIN a WHERE a.keep ILIKE 'y%' AND t.id < 5) FROM s JOIN b",
            ["ask b: 5 rows, 5 requests", "└ ask a: 5 rows, 5 requests"],
        ),
        ("CREATE TABLE files.x AS SELECT a.keep FROM t JOIN a", ["ask a: 40 rows, 40 requests"]),
        ("INSERT INTO files.x SELECT a.keep FROM t JOIN a LIMIT 2", ["ask a: 2 rows, 2 requests"]),
    ],
)
def test_explain_says_what_would_be_asked(
    real: Session, provider: OfflineProvider, tmp_path: Path, query: str, steps: list[str]
) -> None:
    """Each model with its rows, nested ones too; nothing is sent and nothing is written."""
    before = len(provider.requests)
    found = real.sql(f"EXPLAIN {query}")
    shown = [f"{step}: {what}" for step, what in found.to_numpy().tolist()]
    assert [line.startswith(step) for line, step in zip(shown, steps, strict=True)] == [True] * len(steps), (
        shown
    )
    assert all("token" in line and "cost" in line for line in shown)
    assert len(provider.requests) == before
    assert list(tmp_path.glob("x*")) == []


def test_describe_of_answers_asks_nothing(real: Session, provider: OfflineProvider) -> None:
    """The columns of a query with a model."""
    before = len(provider.requests)
    found = real.sql("DESCRIBE SELECT t.id, a.keep FROM t JOIN a")
    assert found["column_name"].tolist() == ["id", "keep"]
    assert len(provider.requests) == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DESCRIBE files.review", "files.review does not exist"),
        ("SUMMARIZE nothing", "nothing does not exist"),
        ("EXPLAIN DROP MODEL m", "only a query can be described or explained"),
        ("EXPLAIN SELECT id,, 1", "syntax error in line 1, column 19"),
        ("SUMMARIZE '/etc/passwd'", "/etc/passwd' does not exist"),
        ("EXPLAIN SELECT read_text('/etc/passwd')", "read_text is not known or not allowed"),
        ("EXPLAIN ANALYZE SELECT 1", "syntax error"),
    ],
)
def test_errors(open_session: Callable[..., Session], session: Session, statement: str, message: str) -> None:
    """One error, as for the statement itself."""
    with pytest.raises((StatementError, NotFoundError)) as caught:
        session.sql(statement)
    assert message in str(caught.value)
