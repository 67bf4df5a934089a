from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import NotFoundError, StatementError
from portkey_handler.session import Session

DATA = "FROM files.reviews AS t JOIN m"


def rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows as tuples."""
    return list(frame.itertuples(index=False, name=None))


def test_one_row(session: Session, asked: Any) -> None:
    """WHERE column = value asks one row and shows both columns."""
    result = session.sql("SELECT text, answer FROM m WHERE text = 'hello; world' AND lang = 'es'")

    assert list(result.columns) == ["text", "answer"]
    assert rows(result) == [("hello; world", "HELLO; WORLD")]
    assert list(asked.frames[0].columns) == ["text", "lang", "__mindsdb_row_id"]


def test_project_and_version(session: Session) -> None:
    """A model may carry its project in front and its version behind."""
    session.sql("RETRAIN m USING prefix = '>'")

    assert rows(session.sql("SELECT answer FROM mindsdb.m WHERE text = 'a'")) == [(">A",)]
    assert rows(session.sql("SELECT answer FROM m.1 WHERE text = 'a'")) == [("A",)]


def test_star_of_one_row(session: Session) -> None:
    """A star from a model shows what it says, then what it was asked."""
    result = session.sql("SELECT * FROM m WHERE text = 'a'")

    assert list(result.columns) == ["answer", "answer_size", "answer_evidence", "text"]


def test_subselect_as_input(session: Session) -> None:
    """The one value of a subselect can be the question."""
    assert rows(
        session.sql("SELECT answer FROM m WHERE text = (SELECT text FROM files.reviews WHERE id = 4)")
    ) == [("N/A",)]
    with pytest.raises(StatementError, match="takes one row and one column, got 5 rows"):
        session.sql("SELECT answer FROM m WHERE text = (SELECT text FROM files.reviews)")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT answer FROM m", "write WHERE column = '…' for one, JOIN it with data for many"),
        ("SELECT answer FROM m WHERE text IN ('a', 'b')", "not IN; for many rows JOIN it with data"),
        ("SELECT answer FROM m WHERE text = 'a' OR text = 'b'", "not OR"),
        ("SELECT answer FROM m WHERE text = 'a' AND text = 'b'", "m.text is given twice"),
        (f"SELECT anser {DATA}", "the column anser does not exist; did you mean answer"),
        (f"SELECT t.id, count(*) {DATA}", "id must appear in the GROUP BY"),
        (f"SELECT nosuch(m.answer) {DATA}", "the function nosuch is not known"),
        (f"SELECT t.id {DATA} USING x.prefix = 'a'", "no model x in FROM; there are: m"),
        (f"SELECT t.id {DATA} ON t.stars > 3", "ON of the model m takes table.column = m.input only"),
        (f"SELECT t.id {DATA} JOIN m", "m is twice in FROM"),
        ("SELECT * FROM reviews", "did you mean files.reviews"),
        ("SELECT * FROM files.reveiws", "did you mean files.reviews"),
    ],
)
def test_refused_before_paying(session: Session, asked: Any, statement: str, message: str) -> None:
    """What is wrong in a query is told before a row is sent."""
    with pytest.raises((StatementError, NotFoundError), match=message.replace("(", r"\(")):
        session.sql(statement)

    assert asked.rows == 0


@pytest.mark.parametrize(
    ("rest", "ids", "paid"),
    [
        ("WHERE t.stars > 3", [1, 2], 2),
        ("WHERE stars BETWEEN 2 AND 4 AND t.id != 5", [2, 4], 2),
        ("LIMIT 2", [1, 2], 2),
        ("LIMIT 0", [], 0),
        ("LIMIT 1 OFFSET 2", [3], 1),
        ("ORDER BY t.stars DESC LIMIT 2", [1, 2], 2),
        ("ORDER BY 1 DESC LIMIT 1", [5], 1),
        ("ORDER BY m.answer LIMIT 1", [1], 5),
        ("ORDER BY m.answer DESC LIMIT 1", [2], 5),
        ("WHERE m.answer = 'N/A' LIMIT 1", [4], 5),
        ("WHERE m.answer LIKE '%E%' AND t.id > 1 LIMIT 2", [2], 4),
        ("WHERE m.answer = 'N/A' OR t.id = 1", [1, 4], 5),
        ("WHERE t.id IN (SELECT id FROM files.reviews WHERE stars = 1)", [3], 1),
        ("WHERE t.id NOT IN (1, 2, 3)", [4, 5], 2),
        ("WHERE t.text IS NULL", [3], 1),
        ("WHERE m.answer_size = 3", [4], 5),
        ("WHERE t.code || 'x' = '007x' AND m.answer != 'x'", [1], 1),
        ("WHERE t.id < 3 AND m.answer_evidence ->> '$.n[0]' = 'good, really'", [1], 2),
    ],
)
def test_nobody_pays_for_rows_thrown_away(
    session: Session, asked: Any, rest: str, ids: list[int], paid: int
) -> None:
    """Conditions and LIMIT stand in front of the model where that is sound, and only there."""
    result = session.sql(f"SELECT t.id, m.answer {DATA} {rest}")

    assert result["id"].tolist() == ids
    assert asked.rows == paid


@pytest.mark.parametrize(
    "select",
    [
        "SELECT DISTINCT m.answer {} LIMIT 1",
        "SELECT count(*) {} LIMIT 1",
        "SELECT t.stars > 2, max(m.answer) {} GROUP BY 1 LIMIT 1",
        "SELECT t.id, row_number() OVER (ORDER BY m.answer) {} LIMIT 1",
        "SELECT t.id {} JOIN (SELECT 'N/A' AS k) AS l ON l.k = m.answer LIMIT 1",
    ],
)
def test_limit_waits(session: Session, asked: Any, select: str) -> None:
    """A LIMIT that depends on several answers stays behind the model."""
    assert len(session.sql(select.format(DATA))) == 1
    assert asked.rows == 5


def test_input_order(session: Session) -> None:
    """Rows keep the data's order."""
    assert session.sql(f"SELECT t.id {DATA}")["id"].tolist() == [1, 2, 3, 4, 5]
    joined = (
        "SELECT t.id FROM files.reviews t JOIN files.reviews u ON t.id = u.id JOIN m USING column = 't.text'"
    )
    assert session.sql(joined)["id"].tolist() == [1, 2, 3, 4, 5]


def test_model_before_data(session: Session, asked: Any) -> None:
    """FROM model JOIN data is the same question."""
    result = session.sql("SELECT t.id, m.answer FROM m JOIN files.reviews AS t WHERE t.id = 1")

    assert rows(result) == [(1, "GOOD, REALLY")]
    assert asked.rows == 1


def test_renamed_input(session: Session, asked: Any) -> None:
    """ON t.code = m.text gives the model the code as its text."""
    result = session.sql(f"SELECT m.answer, t.text {DATA} ON t.code = m.text WHERE t.id = 1")

    assert rows(result) == [("007", "good, really")]
    assert sorted(asked.frames[0].columns) == ["__mindsdb_row_id", "id", "stars", "text"]


def test_constant_input(session: Session, asked: Any) -> None:
    """m.lang = 'es' is an input of every row; t.lang is not touched, m.answer = … is none."""
    result = session.sql(f"SELECT t.id, m.lang {DATA} WHERE m.lang = 'es' AND t.id < 3 AND m.answer != 'x'")

    assert rows(result) == [(1, "es"), (2, "es")]
    assert asked.frames[0]["lang"].tolist() == ["es", "es"]


def test_two_models_in_a_row(session: Session, asked: Any) -> None:
    """The second model sees what the first one says."""
    result = session.sql(f"SELECT t.id, second.final {DATA} JOIN second WHERE t.id = 1")

    assert rows(result) == [(1, "GOOD, REALLY")]
    assert "answer" in asked.frames[1].columns


def test_same_model_twice(session: Session, asked: Any) -> None:
    """Two aliases of one model take options of their own; the host's options stay away."""
    result = session.sql(
        "SELECT a.answer, b.answer FROM files.reviews t JOIN m AS a JOIN m AS b WHERE t.id = 4 "
        "USING a.prefix = 'A ', b.Prefix = 'B ', partition_size = 2, threads = 3"
    )

    assert list(result.columns) == ["answer", "answer_1"]
    assert rows(result) == [("A N/A", "B N/A")]
    assert asked.options == [{"prefix": "A ", "threads": 3}, {"prefix": "B ", "threads": 3}]


def test_star_of_a_join(session: Session) -> None:
    """A star shows the data's columns and then the model's."""
    result = session.sql(f"SELECT * {DATA} LIMIT 1")

    assert list(result.columns) == [
        "id", "text", "stars", "code", "answer", "answer_size", "answer_evidence",
    ]  # fmt: skip


def test_repeated_names(session: Session, asked: Any) -> None:
    """Columns of two tables with the same names neither crash nor mix."""
    result = session.sql(
        "SELECT * FROM files.reviews t JOIN files.reviews u ON t.id = u.id JOIN m WHERE u.stars = 5 "
        "USING column = 't.text'"
    )

    assert list(result.columns)[:5] == ["id", "text", "stars", "code", "id_1"]
    # ON says that both ids are equal; of the others no model may take one for the other.
    assert [*asked.frames[0].columns][:6] == ["id", "t.text", "t.stars", "t.code", "u.id", "u.text"]


def test_values_survive(session: Session) -> None:
    """Objects, NULLs and whole numbers come through as they are."""
    result = session.sql(f"SELECT m.answer_evidence, m.answer_size, m.answer_evidence->>'$.n[0]' AS n {DATA}")

    assert result["answer_evidence"][0] == {"n": ["good, really"]}
    assert result["answer_size"].tolist() == [12, 9, pd.NA, 3, 7]
    assert str(result["answer_size"].dtype) == "Int64"
    assert result["n"][0] == "good, really"


def test_expressions_behind_the_model(session: Session) -> None:
    """Groups, cases, windows and functions see answers like data."""
    result = session.sql(
        f"SELECT CASE WHEN m.answer_size > 5 THEN 'long' ELSE 'short' END AS kind, count(*) AS n {DATA} "
        "WHERE t.text IS NOT NULL GROUP BY kind HAVING count(*) > 0 ORDER BY n DESC"
    )

    assert rows(result) == [("long", 3), ("short", 1)]


def test_nested_questions(session: Session, asked: Any) -> None:
    """A model may be asked inside of a subselect, a UNION and a WITH."""
    inner = f"SELECT t.id, m.answer {DATA} LIMIT 2"

    assert rows(session.sql(f"SELECT id FROM ({inner}) AS x WHERE answer LIKE 'TWO%'")) == [(2,)]
    assert rows(session.sql(f"WITH c AS ({inner}) SELECT id FROM c WHERE id = 2")) == [(2,)]
    statement = f"SELECT id FROM files.reviews WHERE id IN (SELECT x.id FROM ({inner}) x)"
    assert rows(session.sql(statement)) == [
        (1,),
        (2,),
    ]
    assert rows(session.sql(f"SELECT t.id, m.answer {DATA} WHERE t.id = 4 UNION ALL SELECT 9, 'x'")) == [
        (4, "N/A"),
        (9, "x"),
    ]
    assert asked.rows == 7


def test_data_joined_on_an_answer(session: Session) -> None:
    """A table may be joined on what a model said."""
    result = session.sql(
        f"SELECT t.id, l.label, m.answer {DATA} "
        "JOIN (SELECT 'N/A' AS k, 'none' AS label) AS l ON l.k = m.answer"
    )

    assert rows(result) == [(4, "none", "N/A")]


def test_answer_beats_data_column(session: Session) -> None:
    """A bare name that data and model share means the model's, as in the host."""
    session.register("d", pd.DataFrame({"text": ["a"], "answer": ["old"]}))

    assert rows(session.sql("SELECT answer, d.answer FROM d JOIN m")) == [("A", "old")]


def test_registered_frame_keeps_types(session: Session, asked: Any) -> None:
    """Large whole numbers, NULLs, dates and booleans reach the model and the result unharmed."""
    day = pd.Timestamp("2026-01-02")
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "big": pd.array([9007199254740993, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "day": [day, None],
            "tags": [["x", "y"], None],
        }
    )
    session.register("frame", frame)

    result = session.sql("SELECT * FROM frame JOIN m")

    for shown in (result, asked.frames[0]):
        assert shown["big"].tolist() == [9007199254740993, pd.NA]
        assert shown["flag"].tolist() == [True, pd.NA]
        assert shown["day"][0] == day
        assert shown["tags"][0] == ["x", "y"]
    assert result["answer"][0] == "A"


def test_empty_data(session: Session, asked: Any) -> None:
    """No rows in, the right columns out, nothing asked."""
    result = session.sql(f"SELECT t.id, m.answer {DATA} WHERE t.id > 99")

    assert list(result.columns) == ["id", "answer"]
    assert len(result) == 0
    assert asked.rows == 0
