"""Two tables of a JOIN that both have the prompt's column: which one is meant has to be said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import InputError, StatementError
from portkey_handler.gateway.offline import OfflineProvider, last_text
from portkey_handler.session import Session

JOIN = "FROM a JOIN b ON a.id = b.id JOIN m"


@pytest.fixture
def session(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Give a session with two tables that have three columns in common."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.answer = last_text
    with Session(files=tmp_path) as running:
        running.register("a", pd.DataFrame({"id": [1, 2], "text": ["a one", "a two"], "x": [5, 6]}))
        running.register("b", pd.DataFrame({"id": [1, 2], "text": ["b one", "b two"]}))
        running.sql("CREATE ML_ENGINE e FROM portkey USING check = false;")
        yield running


def create(session: Session, using: str) -> None:
    """Create the model m."""
    session.sql(f"CREATE MODEL m PREDICT answer USING engine = 'e', {using};")


@pytest.mark.parametrize(
    ("using", "message"),
    [
        (
            "column = 'text'",
            "column = 'text' is a column of several tables: a.text, b.text; say which one: column = 'a.text'",
        ),
        (
            "prompt_template = 'Say {{ text }}'",
            "prompt_template: 'text' is a column of several tables; write {{ row[\"a.text\"] }}. The rows have id, "
            "a.text, x, b.id, b.text",
        ),
        (
            "prompt_template = 'Say {{ x }}', system_prompt = '{{ text }}'",
            "system_prompt: 'text' is a column of several tables; write {{ row[\"a.text\"] }}. The rows have id, "
            "a.text, x, b.id, b.text",
        ),
    ],
)
def test_an_ambiguous_column_is_refused(
    session: Session, provider: OfflineProvider, using: str, message: str
) -> None:
    """The first one was asked about, without a word."""
    create(session, using)
    with pytest.raises(InputError) as caught:
        session.sql(f"SELECT m.answer {JOIN}")
    assert str(caught.value) == message
    assert provider.requests == []


@pytest.mark.parametrize(
    ("using", "asked"),
    [
        ("column = 'a.text'", ["a one", "a two"]),
        ("column = 'b.text'", ["b one", "b two"]),
        ("column = 'B.TEXT'", ["b one", "b two"]),
        ("prompt_template = '{{ row[\"b.text\"] }}'", ["b one", "b two"]),
        ("column = 'x'", ["5", "6"]),
        ("column = 'id'", ["1", "2"]),
    ],
)
def test_the_option_says_which(session: Session, using: str, asked: list[str]) -> None:
    """A column that ON makes equal, or that one table has, keeps its plain name."""
    create(session, using)
    assert session.sql(f"SELECT m.answer {JOIN} ORDER BY a.id")["answer"].tolist() == asked


def test_on_says_which(session: Session) -> None:
    """ON t.column = m.input gives the model one of them."""
    create(session, "column = 'text'")
    query = "SELECT m.answer FROM a JOIN b ON a.id = b.id JOIN m ON b.text = m.text ORDER BY a.id"
    assert session.sql(query)["answer"].tolist() == ["b one", "b two"]
    with pytest.raises(StatementError) as caught:
        session.sql("SELECT m.answer FROM a JOIN b ON a.id = b.id JOIN m ON text = m.text")
    assert str(caught.value) == (
        "ON: text is a column of several tables: a.text, b.text; write which one is meant"
    )


@pytest.mark.parametrize("join", ["RIGHT JOIN", "FULL JOIN"])
def test_a_join_that_makes_nulls_equates_nothing(session: Session, join: str) -> None:
    """There a.id may be NULL where b.id is not."""
    create(session, "column = 'id'")
    with pytest.raises(InputError, match="a column of several tables"):
        session.sql(f"SELECT m.answer FROM a {join} b ON a.id = b.id JOIN m")


def test_a_subselect_says_which(session: Session) -> None:
    """The usual way in SQL."""
    create(session, "column = 'text'")
    query = "SELECT m.answer FROM (SELECT b.text FROM a JOIN b ON a.id = b.id) AS t JOIN m ORDER BY t.text"
    assert session.sql(query)["answer"].tolist() == ["b one", "b two"]


def test_an_answer_does_not_take_the_name_of_columns_of_several_tables(
    session: Session, provider: OfflineProvider
) -> None:
    """The second model was asked about the answer of the first one, in silence."""
    session.sql("CREATE MODEL m PREDICT text USING engine = 'e', column = 'x'")
    session.sql("CREATE MODEL n PREDICT answer USING engine = 'e', column = 'text'")
    with pytest.raises(InputError) as caught:
        session.sql(f"SELECT n.answer {JOIN} JOIN n")
    assert str(caught.value) == (
        "column = 'text' is a column of several tables: a.text, b.text, m.text; say which one: column = 'a.text'"
    )
    assert provider.requests == []
    told = session.sql(f"SELECT n.answer {JOIN} JOIN n USING n.column = 'm.text'")
    assert told["answer"].tolist() == ["5", "6"]
