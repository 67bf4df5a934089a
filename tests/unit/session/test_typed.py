"""Typed columns in the embedded session: their types in SQL and in frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import QueryError, StatementError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.gateway.offline.answers import last_text
from portkey_handler.session import Session

ROWS = pd.DataFrame({"id": [1, 2, 3], "text": ["Boils fast", None, "Leaks"], "words": [10, 20, 30]})
MODEL = """
    CREATE MODEL m PREDICT verdict USING engine = 'e', column = 'text', output = {
        "tone": {"type": "string", "enum": ["good", "bad"]},
        "words": "integer", "score": "float null", "tags": "list", "sure": "boolean", "of": "object"
    }
"""


def judged(body: dict[str, Any]) -> str:
    """Give a fixed judgement of a text."""
    text = last_text(body)
    return json.dumps({
        "tone": "good" if "fast" in text else "bad",
        "words": 2**53 + len(text.split()),
        "score": None if "fast" in text else 0.25,
        "tags": text.split(),
        "sure": True,
        "of": {"n": [1, {"x": None}]},
    })  # fmt: skip


@pytest.fixture
def session(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Give a session with an engine at the stand-in, a table `rows` and the model `m`."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.answer = judged
    with Session(files=tmp_path) as session:
        session.sql("CREATE ML_ENGINE e FROM portkey USING check = false")
        session.register("rows", ROWS)
        session.sql(MODEL)
        yield session


def test_frames_have_the_columns_types(session: Session) -> None:
    """Numbers are numbers beside NULLs, too, and every digit is there."""
    found = session.sql("SELECT m.* FROM rows JOIN m ORDER BY rows.id")

    assert list(found.columns) == ["verdict", "tone", "words", "score", "tags", "sure", "of"]
    kinds = {name: str(found[name].dtype) for name in ("words", "score", "sure")}
    assert kinds == {"words": "Int64", "score": "float64", "sure": "boolean"}
    assert found["words"].tolist() == [2**53 + 2, pd.NA, 2**53 + 1]
    assert found["tags"].tolist() == [["Boils", "fast"], None, ["Leaks"]]
    assert found["of"].tolist() == [{"n": [1, {"x": None}]}, None, {"n": [1, {"x": None}]}]
    assert found["verdict"][0]["words"] == 2**53 + 2

    asked = session.sql("SELECT m.words, m.sure, m.score FROM rows JOIN m WHERE rows.text IS NOT NULL")
    assert {name: str(kind) for name, kind in asked.dtypes.items()} == {
        "words": "int64",
        "sure": "bool",
        "score": "float64",
    }


def test_sql_knows_the_types(session: Session) -> None:
    """Columns are added up, compared and grouped by; a text is not added up."""
    found = session.sql(
        "SELECT m.tone, count(*) AS n, sum(m.words) AS words, avg(m.score) AS score, "
        "list_extract(max(m.tags), 1) AS tag "
        "FROM rows JOIN m WHERE m.sure = true GROUP BY m.tone ORDER BY m.tone"
    )
    assert found["tone"].tolist() == ["bad", "good"]
    assert found["n"].tolist() == [1, 1]
    assert found["words"].tolist() == [2**53 + 1, 2**53 + 2]
    assert found["score"].tolist()[0] == 0.25
    assert found["tag"].tolist() == ["Leaks", "Boils"]
    with pytest.raises(StatementError, match="sum"):
        session.sql("SELECT sum(m.tone) FROM rows JOIN m")


def test_no_rows_have_the_same_columns(session: Session, provider: OfflineProvider) -> None:
    """A query without rows is one with columns, and asks nothing."""
    found = session.sql("SELECT m.*, m.words + 1 AS next FROM rows JOIN m WHERE rows.id > 3")
    assert list(found.columns) == ["verdict", "tone", "words", "score", "tags", "sure", "of", "next"]
    assert found.empty
    assert not provider.requests


def test_a_dry_run_has_the_same_columns(session: Session, provider: OfflineProvider) -> None:
    """They are NULL, and have their types."""
    found = session.sql("SELECT m.* FROM rows JOIN m USING dry_run = true")
    assert list(found.columns) == ["verdict", "tone", "words", "score", "tags", "sure", "of"]
    assert found.isna().all().all()
    assert str(found["words"].dtype) == "Int64"
    assert not provider.requests


def test_models_of_a_join_do_not_clash(session: Session) -> None:
    """Columns of the same name, in the data and in two models, are told apart by the model."""
    session.sql(MODEL.replace("MODEL m PREDICT verdict", "MODEL n PREDICT second"))
    found = session.sql(
        "SELECT rows.words AS data, m.words, n.words AS other, m.tone, n.tone AS tone_of_n, n.second "
        "FROM rows JOIN m JOIN n WHERE rows.id = 3"
    )
    assert found.iloc[0].to_dict() == {
        "data": 30,
        "words": 2**53 + 1,
        "other": 2**53 + 1,
        "tone": "bad",
        "tone_of_n": "bad",
        "second": json.loads(judged({"messages": [{"role": "user", "content": "Leaks"}]})),
    }


def test_a_later_model_reads_a_column_of_an_earlier_one(session: Session) -> None:
    """A typed column is a column like any other."""
    session.sql("CREATE MODEL n PREDICT reply USING engine = 'e', prompt_template = 'Why {{ tone }}?'")
    found = session.sql("SELECT n.reply FROM rows JOIN m JOIN n WHERE rows.id = 1")
    assert json.loads(found["reply"][0])["tags"] == ["Why", "good?"]


def test_the_errors_first_line_says_what_did_not_fit(session: Session, provider: OfflineProvider) -> None:
    """What fits is kept, what does not is named, and running again asks only that."""
    provider.behaviour.answer = lambda body: judged(body) if "fast" in str(body) else '{"tone": "so so"}'
    with pytest.raises(QueryError) as caught:
        session.sql("SELECT m.verdict FROM rows JOIN m")
    first = caught.value.message.splitlines()[0]
    assert first.startswith("1 answered and cached, 1 failed (row 2: the answer does not fit output, and")
    assert "tone: expected ['good', 'bad']; words, score, tags and 2 more are missing" in first

    provider.reset()
    provider.behaviour.answer = judged
    assert session.sql("SELECT m.tone FROM rows JOIN m")["tone"].dropna().tolist() == ["good", "bad"]
    assert len(provider.requests) == 1
