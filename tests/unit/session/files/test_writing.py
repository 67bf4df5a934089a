from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.errors import AlreadyExistsError, FileError, NotFoundError, StatementError
from portkey_handler.session import Session


def test_csv_values(session: Session) -> None:
    """Leading zeros and N/A stay text, an empty cell is NULL, quoted lines are one value."""
    result = session.sql("SELECT * FROM files.reviews")

    assert result["code"].tolist() == ["007", "008", "009", "010", "011"]
    assert result["text"].isna().tolist() == [False, False, True, False, False]
    assert result["text"][1] == "two\nlines"
    assert result["text"][3] == "N/A"
    assert result["text"][4] == "schön 🎉"
    assert result["stars"].tolist() == [5, 4, 1, 2, 3]


def test_csv_types(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Each column has the narrowest type that every cell fits; quotes make an empty text."""
    (tmp_path / "t.csv").write_text(
        '﻿n;f;b;d;e\n1;1.5;true;2024-01-02;""\n;2;false;2024-01-03;x\n', encoding="utf-8"
    )

    result = open_session().sql("SELECT n, f, b, d, e FROM files.t")

    assert str(result["n"].dtype) == "Int64"
    assert result["f"].tolist() == [1.5, 2.0]
    assert result["b"].tolist() == [True, False]
    assert str(result["d"][0])[:10] == "2024-01-02"
    assert result["e"].tolist() == ["", "x"]


@pytest.mark.parametrize(
    ("cells", "kind", "found"),
    [
        (["9400111899223100001234", "9400111899223100001235"], str, None),
        (["9223372036854775807", "1"], int, None),
        (["9223372036854775808", "1"], str, None),
        (["12E4", "13"], str, None),
        (["1E400", "2"], str, None),
        (["1.5e400", "2"], str, None),
        (["1.5e10", "2"], float, ["15000000000.0", "2.0"]),
        (["0.1", "0.30000000000000004"], float, None),
        (["1.234567890123456789", "2"], Decimal, ["1.234567890123456789", "2.000000000000000000"]),
        (["12345678901234567890.5", "2.0"], Decimal, None),
        ([f"{'1' * 40}.5", "2"], str, None),
    ],
)
def test_digits_of_a_csv_survive(
    open_session: Callable[..., Session],
    tmp_path: Path,
    cells: list[str],
    kind: type,
    found: list[str] | None,
) -> None:
    """Three parcel numbers were one float: one request, and one answer beside all of them."""
    (tmp_path / "t.csv").write_text("\n".join(["v", *cells]))

    values = open_session().sql("SELECT v FROM files.t")["v"].tolist()

    assert {type(value) for value in values} == {kind}
    assert [str(value) for value in values] == (found or cells)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("j.json", '[{"id": 1, "o": {"a": [1]}}, {"id": null, "o": null}]'),
        ("j.jsonl", '{"id": 1, "o": {"a": [1]}}\n\n{"id": null, "o": null}\n'),
    ],
)
def test_json(open_session: Callable[..., Session], tmp_path: Path, name: str, content: str) -> None:
    """JSON files are tables whose objects stay objects."""
    (tmp_path / name).write_text(content)

    result = open_session().sql("SELECT id, o, o->>'$.a[0]' AS first FROM files.j")

    assert result["o"][0] == {"a": [1]}
    assert result["first"][0] == "1"
    assert result["id"].isna().tolist() == [False, True]


def test_create_insert_drop(session: Session, asked: Any, tmp_path: Path) -> None:
    """Only new rows are paid for, and everything is there afterwards."""
    session.sql(
        "CREATE TABLE files.out "
        "(SELECT t.id, m.answer, m.answer_evidence FROM files.reviews t JOIN m LIMIT 2)"
    )
    assert asked.rows == 2

    session.sql(
        "INSERT INTO files.out SELECT t.id, m.answer, m.answer_evidence FROM files.reviews AS t JOIN m "
        "WHERE t.id NOT IN (SELECT id FROM files.out)"
    )
    result = session.sql("SELECT * FROM files.out")

    assert asked.rows == 5
    assert result["id"].tolist() == [1, 2, 3, 4, 5]
    assert result["answer_evidence"][4] == {"n": ["schön 🎉"]}
    session.sql("DROP TABLE files.out")
    assert not (tmp_path / "out.parquet").exists()


def test_insert_values_keeps_the_format(session: Session, tmp_path: Path) -> None:
    """A CSV stays a CSV; columns that are not named are NULL."""
    session.sql("INSERT INTO files.reviews (id, code, text) VALUES (6, '012', 'a, \"b\"'), (7, '', NULL)")

    result = session.sql("SELECT * FROM files.reviews WHERE id > 5")

    assert (tmp_path / "reviews.csv").exists()
    assert result["text"][0] == 'a, "b"'
    assert result["code"].tolist() == ["012", ""]
    assert result["stars"].isna().all()


def test_existing_table(session: Session, asked: Any) -> None:
    """CREATE TABLE says that the table is there before it asks anything."""
    statement = "TABLE files.reviews (SELECT t.id FROM files.reviews t JOIN m)"
    with pytest.raises(AlreadyExistsError, match=r"files.reviews exists already \(reviews.csv\)"):
        session.sql(f"CREATE {statement}")
    session.sql("CREATE TABLE IF NOT EXISTS files.reviews (SELECT t.id FROM files.reviews t JOIN m)")
    assert asked.rows == 0

    session.sql(f"CREATE OR REPLACE {statement}")
    assert list(session.sql("SELECT * FROM files.reviews").columns) == ["id"]


def test_columns_without_rows(session: Session) -> None:
    """CREATE TABLE with columns makes an empty table that takes rows."""
    session.sql("CREATE TABLE files.empty (id INT, text VARCHAR); INSERT INTO files.empty VALUES (1, 'a')")

    assert session.sql("SELECT * FROM files.empty").to_dict("records") == [{"id": 1, "text": "a"}]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO files.reviews (nosuch) VALUES (1)", "no column nosuch; it has: id, text, stars, code"),
        ("INSERT INTO files.reviews VALUES (1)", "VALUES has 1 values for 4 columns"),
        ("INSERT INTO files.nosuch VALUES (1)", "files.nosuch does not exist"),
        ("DROP TABLE reviews", "only tables of files can be written"),
        ("CREATE TABLE x (SELECT 1 AS a)", "only tables of files can be written"),
        ("DELETE FROM files.reviews", "Delete is not supported"),
    ],
)
def test_wrong_writing(session: Session, statement: str, message: str) -> None:
    """What cannot be written is refused and the file stays as it was."""
    with pytest.raises((StatementError, NotFoundError), match=message):
        session.sql(statement)
    assert len(session.sql("SELECT * FROM files.reviews")) == 5


@pytest.mark.parametrize(
    "name", ["../secret", "..", "/etc/passwd", "sub/secret", "a\\b", ".hidden", "c:x", "link", "folder"]
)
def test_nothing_outside(open_session: Callable[..., Session], tmp_path: Path, name: str) -> None:
    """No name and no link leads out of the files folder."""
    inside = tmp_path / "files"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("a\nCANARY\n")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "folder.csv").mkdir()
    session = open_session(files=inside)

    for statement in (f"SELECT * FROM files.`{name}`", f"DROP TABLE files.`{name}`"):
        with pytest.raises((StatementError, NotFoundError, OSError)) as caught:
            session.sql(statement)
        assert "CANARY" not in str(caught.value)
    assert (tmp_path / "secret.csv").exists()


def test_fifo_does_not_hang(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """What is not a regular file is refused."""
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(StatementError, match="not a regular file"):
        open_session().sql("SELECT * FROM files.pipe")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT read_text('/etc/passwd')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM `/etc/passwd.csv`",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SELECT * FROM canary_frame",
        "SELECT * FROM duckdb_settings",
        "SELECT * FROM pragma_database_list",
    ],
)
def test_locked(open_session: Callable[..., Session], statement: str) -> None:
    """Neither files nor settings nor Python variables can be reached through SQL."""
    import pandas as pd

    canary_frame = pd.DataFrame({"a": [1]})
    with pytest.raises((StatementError, NotFoundError)):
        open_session().sql(statement)
    assert len(canary_frame) == 1


def test_users_connection(open_session: Callable[..., Session], asked: Any) -> None:
    """Tables of the user's connection are joined, and it is neither locked nor closed nor littered."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE mine AS SELECT 1 AS id, 'a' AS text; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 2 AS x"
    )
    session = open_session(connection=connection)
    session.sql("CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e'")

    assert session.sql("SELECT mine.id, m.answer FROM mine JOIN m")["answer"].tolist() == ["A"]
    assert session.sql("SELECT x FROM s.t")["x"].tolist() == [2]
    session.close()
    assert connection.execute("SELECT count(*) FROM information_schema.tables").fetchone() == (2,)
    connection.execute("SET threads = 1")
    connection.close()


@pytest.mark.parametrize(
    ("value", "column"),
    [("INTERVAL 1 DAY", "x"), ("[INTERVAL 1 DAY]", "x"), ("{'a': INTERVAL 1 DAY}", "x")],
)
def test_a_type_that_parquet_lacks_is_said(
    open_session: Callable[..., Session], tmp_path: Path, value: str, column: str
) -> None:
    """Arrow's own error came through."""
    session = open_session(files=tmp_path)
    with pytest.raises(StatementError) as caught:
        session.sql(f"CREATE TABLE files.kept (SELECT 1 AS a, {value} AS {column})")
    assert str(caught.value) == "a Parquet file cannot hold the column x; select its text: CAST(… AS TEXT)"
    assert [path.name for path in tmp_path.iterdir()] == [".files.lock"]
    session.sql("CREATE TABLE files.kept (SELECT CAST(INTERVAL 1 DAY AS TEXT) AS x)")
    assert session.sql("SELECT x FROM files.kept")["x"].tolist() == ["1 day"]


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE files.new (SELECT 1 AS a)", "INSERT INTO files.t VALUES (2)"]
)
def test_a_folder_that_cannot_be_written_is_said_before_the_query_is_run(
    open_session: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """The answers of its models were paid for first. Root may write everywhere, so the system's word is replaced."""
    (tmp_path / "t.csv").write_text("a\n1\n")
    session = open_session(files=tmp_path)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    with pytest.raises(FileError) as caught:
        session.sql(statement)
    assert str(caught.value) == (
        f"{tmp_path} cannot be used: Permission denied; make it readable and writable, or name another folder, then "
        "run the statement again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
