"""INSERT OR IGNORE and OR REPLACE with a key: two programs at once do not double rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session

PROGRAM = """
import sys
import pandas as pd
from portkey_handler.session import Session

with Session(files=sys.argv[1], file_options={"answers": {"key": "id"}}) as session:
    print("ready", flush=True)
    sys.stdin.readline()
    for start in range(0, 60, 10):
        rows = pd.DataFrame({"id": range(start, start + 20), "answer": [sys.argv[2]] * 20})
        session.register("t", rows)
        session.sql("INSERT OR IGNORE INTO files.answers SELECT id, answer FROM t")
"""


@pytest.fixture
def opened(open_session: Callable[..., Session], tmp_path: Path) -> Session:
    """Open a session with a table of each kind, whose key is `id`."""
    (tmp_path / "lines.csv").write_text("id,answer\n1,a\n2,1.10\n")
    (tmp_path / "records.jsonl").write_text('{"id": 1, "answer": "a"}\n{"id": 2, "answer": "b"}\n')
    session = open_session(files=tmp_path)
    session.sql("CREATE TABLE files.kept AS SELECT 1 AS id, 'a' AS answer UNION ALL SELECT 2, 'b'")
    for name in ("lines", "records", "kept"):
        session.sql(f"SET files.{name}.key = 'id'")
    return session


@pytest.mark.parametrize("name", ["lines", "records", "kept"])
def test_rows_whose_key_is_there_are_left_out(opened: Session, name: str) -> None:
    """Of equal new rows the first is taken; NULL is a key as any other."""
    [(_, done)] = opened.results(
        f"INSERT OR IGNORE INTO files.{name} SELECT * FROM (SELECT 2 AS id, 'x' AS answer UNION ALL "
        "SELECT 3, 'c' UNION ALL SELECT 3, 'd' UNION ALL SELECT NULL, 'e' UNION ALL SELECT NULL, 'f') AS t"
    )
    assert done.words == f"2 rows inserted into files.{name}, 3 left out: the key is there"  # type: ignore[union-attr]
    assert done.rows == 2  # type: ignore[union-attr]
    found = opened.sql(f"SELECT id, answer FROM files.{name}")
    assert found["answer"].tolist()[2:] == ["c", "e"]
    assert found["id"].tolist()[:3] == [1, 2, 3]


def test_every_byte_of_a_csv_stays(opened: Session, tmp_path: Path) -> None:
    """A row is added behind; where all are there, the file is not touched."""
    before = (tmp_path / "lines.csv").read_bytes()
    opened.sql("INSERT OR IGNORE INTO files.lines VALUES (1, 'x')")
    assert (tmp_path / "lines.csv").read_bytes() == before
    opened.sql("INSERT OR IGNORE INTO files.lines (answer, id) VALUES ('x', 1), ('y', 3)")
    assert (tmp_path / "lines.csv").read_bytes() == before + b"3,y\n"


def test_rows_are_replaced(opened: Session) -> None:
    """The new row comes in the place of the old one; of equal new rows the last is taken."""
    [(_, done)] = opened.results("INSERT OR REPLACE INTO files.kept VALUES (2, 'x'), (3, 'y'), (2, 'z')")
    assert done.words == "2 rows inserted into files.kept, 1 of them replaced another"  # type: ignore[union-attr]
    found = opened.sql("SELECT id, answer FROM files.kept ORDER BY id")
    assert found.to_numpy().tolist() == [[1, "a"], [2, "z"], [3, "y"]]


def test_a_key_of_two_columns(opened: Session) -> None:
    """Rows are the same where all columns of the key are."""
    opened.sql(
        "SET files.kept.key = 'id, answer'; INSERT OR IGNORE INTO files.kept VALUES (1, 'a'), (1, 'b')"
    )
    assert len(opened.sql("SELECT * FROM files.kept")) == 3


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SET files.kept.key = NULL; INSERT OR IGNORE INTO files.kept {}", "SET files.kept.key = 'id'"),
        ("SET files.kept.key = 'ID2'; INSERT OR IGNORE INTO files.kept {}", "names ID2, which is no column"),
        ("INSERT OR IGNORE INTO files.kept (answer) {}", "INSERT OR IGNORE needs the key: insert id, too"),
        ("INSERT OR REPLACE INTO files.lines {}", "files.lines keeps every byte; INSERT OR IGNORE into it"),
        ("INSERT OR ABORT INTO files.kept {}", "syntax error in line 1, column 8"),
        ("INSERT OR IGNORE INTO files.kept SELECT nothing,, 1", "syntax error in line 1, column 49"),
    ],
)
def test_nothing_is_asked_for_what_cannot_be_inserted(
    opened: Session, asked: object, statement: str, message: str
) -> None:
    """The table and its key are looked at first."""
    opened.sql("CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e'")
    query = "SELECT m.answer FROM files.lines AS l JOIN m"
    with pytest.raises(StatementError) as caught:
        opened.sql(statement.replace("{}", query))
    assert message in str(caught.value)
    assert asked.rows == 0  # type: ignore[attr-defined]


def test_two_programs_at_once(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Both insert the same 70 rows while the other one does: 70 rows are there."""
    session = open_session(files=tmp_path)
    session.sql("CREATE TABLE files.answers (id INT, answer TEXT)")
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    assert [program.communicate()[0] for program in programs] == ["", ""]
    assert [program.returncode for program in programs] == [0, 0]
    found: pd.DataFrame = session.sql("SELECT id FROM files.answers ORDER BY id")
    assert found["id"].tolist() == list(range(70))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE files.made AS SELECT 1 AS a",
        "CREATE OR REPLACE TABLE files.made AS (SELECT 1 AS a)",
        "CREATE TABLE IF NOT EXISTS files.made AS FROM t",
        "CREATE TABLE files.made (FROM t SELECT a WHERE [a] = [1])",
        "CREATE TABLE files.`made` AS WITH q AS (FROM t) FROM q",
    ],
)
def test_create_table_as(open_session: Callable[..., Session], tmp_path: Path, statement: str) -> None:
    """The usual form, with a query that either parser reads."""
    session = open_session(files=tmp_path)
    session.register("t", pd.DataFrame({"a": [1]}))
    [(_, done)] = session.results(statement)
    assert done.words == "files.made was created, 1 row"  # type: ignore[union-attr]
    assert session.sql("SELECT * FROM files.made").to_dict("list") == {"a": [1]}


def test_insert_of_a_query_in_duckdbs_syntax(opened: Session) -> None:
    """INSERT INTO … FROM, with columns and without."""
    opened.sql("INSERT INTO files.kept FROM files.lines")
    opened.sql(
        "INSERT INTO files.kept (answer, `id`) FROM files.lines SELECT upper(answer), id WHERE [id] = [1]"
    )
    assert opened.sql("SELECT answer FROM files.kept")["answer"].tolist() == ["a", "b", "a", "1.10", "A"]
