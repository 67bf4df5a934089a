"""INSERT OR IGNORE and OR REPLACE with a key: two programs at once do not double rows."""

from __future__ import annotations

import gzip
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
        session.sql(f"INSERT OR {sys.argv[3]} INTO files.answers SELECT id, answer FROM t")
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


@pytest.mark.parametrize("name", ["lines", "records", "kept"])
def test_rows_are_replaced(opened: Session, name: str) -> None:
    """The new row comes in the place of the old one; of equal new rows the last is taken."""
    [(_, done)] = opened.results(f"INSERT OR REPLACE INTO files.{name} VALUES (2, 'x'), (3, 'y'), (2, 'z')")
    assert done.words == f"2 rows inserted into files.{name}, 1 of them replaced another"  # type: ignore[union-attr]
    found = opened.sql(f"SELECT id, answer FROM files.{name} ORDER BY id")
    assert found.to_numpy().tolist() == [[1, "a"], [2, "z"], [3, "y"]]


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("t.csv", b"id,answer\n1, a\n2,b\n", b'id,answer\n1, a\n2,"new, one"\n'),
        ("t.csv", b"id,answer\n2,b\n1,a", b'id,answer\n1,a\n2,"new, one"\n'),
        ("t.csv", b"id,answer\r\n2,b\r\n1,a\r\n", b'id,answer\r\n1,a\r\n2,"new, one"\r\n'),
        (
            "t.csv",
            b'\xef\xbb\xbfsep=;\nid;answer\n"2";"two\nlines"\n\n1;"o ""one"""\n',
            b'\xef\xbb\xbfsep=;\nid;answer\n\n1;"o ""one"""\n2;new, one\n',
        ),
        (
            "t.csv",
            b"id;answer\n1;a\n" + "2;ä\n3;ö\n".encode("cp1252"),
            b"id;answer\n1;a\n" + "3;ö\n2;new, one\n".encode("cp1252"),
        ),
        (
            "t.csv",
            "\ufeffid,answer\n1,a\n2,b\n".encode("utf-16-le"),
            '\ufeffid,answer\n1,a\n2,"new, one"\n'.encode("utf-16-le"),
        ),
        ("t.csv", b'id,answer\n1,"a \\" b"\n2,b\n', b'id,answer\n1,"a \\" b"\n2,"new, one"\n'),
        ("t.tsv", b"id\tanswer\n2\tb\n", b"id\tanswer\n2\tnew, one\n"),
        (
            "t.jsonl",
            b'{"answer": 1.10,  "id": 1}\n\n{"id": 2, "answer": "b"}\n{"id": 3}',
            b'{"answer": 1.10,  "id": 1}\n{"id": 3}\n{"answer": "new, one", "id": 2}\n',
        ),
        (
            "t.json",
            b'[\n {"id": 2, "answer": "b"},\n {"id": 1,   "answer": "[a]"},\n {"id": 3, "answer": null}\n]\n',
            b'[\n {"id": 1,   "answer": "[a]"},\n {"id": 3, "answer": null},\n {"id": 2, "answer": "new, one"}\n]\n',
        ),
        (
            "t.json",
            b'[{"id": 2, "answer": "b"}]',
            b'[\n {"id": 2, "answer": "new, one"}\n]',
        ),
        (
            "t.json",
            b'{\n "id": 2,\n "answer": "b"\n}\n',
            b'{"id": 2, "answer": "new, one"}\n',
        ),
    ],
)
def test_every_byte_of_rows_that_stay_is_kept(
    opened: Session, tmp_path: Path, file: str, before: bytes, after: bytes
) -> None:
    """Only the lines or the objects of replaced rows go, in every encoding and dialect."""
    path = tmp_path / file
    path.write_bytes(before)
    opened.sql("SET files.t.key = 'id'")
    if b"\xe4" in before:
        opened.sql("SET files.t.encoding = 'cp1252'")
    opened.sql("INSERT OR REPLACE INTO files.t (id, answer) VALUES (2, 'new, one')")
    assert path.read_bytes() == after
    assert opened.sql("SELECT answer FROM files.t WHERE id = 2")["answer"].tolist() == ["new, one"]


def test_a_compressed_file_is_packed_anew(opened: Session, tmp_path: Path) -> None:
    """With the rows that stay as they were."""
    for name, content in (("p.csv.gz", b"id,answer\n1,a\n2,b\n"), ("q.jsonl.gz", b'{"id": 1}\n{"id": 2}\n')):
        (tmp_path / name).write_bytes(gzip.compress(content))
    opened.sql("SET files.p.key = 'id'; SET files.q.key = 'id'")
    opened.sql("INSERT OR REPLACE INTO files.p VALUES (1, 'x'); INSERT OR REPLACE INTO files.q VALUES (1)")
    assert gzip.decompress((tmp_path / "p.csv.gz").read_bytes()) == b"id,answer\n2,b\n1,x\n"
    assert gzip.decompress((tmp_path / "q.jsonl.gz").read_bytes()) == b'{"id": 2}\n{"id": 1}\n'


def test_a_blank_line_may_be_a_row(opened: Session, tmp_path: Path) -> None:
    """In a table of one column it is NULL; what a key of two columns says is replaced, and nothing else."""
    (tmp_path / "one.csv").write_text("id\n1\n\n2\n")
    opened.sql("SET files.one.key = 'id'")
    rows = opened.sql("SELECT id FROM files.one")["id"].tolist()
    opened.sql("INSERT OR REPLACE INTO files.one VALUES (2)")
    after = opened.sql("SELECT id FROM files.one")["id"].tolist()
    assert len(after) == len(rows)
    assert (tmp_path / "one.csv").read_text() == "id\n1\n\n2\n"


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT OR REPLACE INTO files.lines BY (answer) VALUES (7, 'a')",
        "INSERT OR REPLACE INTO files.lines (id, answer) BY (`answer`) VALUES (7, 'a')",
        "INSERT OR REPLACE INTO files.lines by (answer) SELECT 7 AS id, 'a' AS answer ORDER BY (id)",
        "INSERT OR REPLACE INTO files.lines\nBY (answer)\nFROM files.records SELECT 7 AS id, answer WHERE [id] = [1]",
    ],
)
def test_a_statement_can_name_its_key(opened: Session, tmp_path: Path, insert: str) -> None:
    """BY is nearer than SET files.x.key."""
    opened.sql(insert)
    assert (tmp_path / "lines.csv").read_text() == "id,answer\n2,1.10\n7,a\n"


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
        ("INSERT OR REPLACE INTO files.lines (answer) {}", "INSERT OR REPLACE needs the key: insert id, too"),
        ("INSERT OR IGNORE INTO files.kept BY (no) {}", "the key of files.kept names no, which is no column"),
        ("INSERT OR IGNORE INTO files.kept BY () {}", "syntax error in line 1"),
        ("INSERT INTO files.kept BY (id) {}", "syntax error in line 1"),
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


@pytest.mark.parametrize("what", ["IGNORE", "REPLACE"])
@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_two_programs_at_once(
    open_session: Callable[..., Session], tmp_path: Path, kind: str, what: str
) -> None:
    """Both insert the same 70 rows while the other one does: 70 rows are there."""
    session = open_session(files=tmp_path)
    if kind == "parquet":
        session.sql("CREATE TABLE files.answers (id INT, answer TEXT)")
    else:
        first = {"csv": "id,answer\n", "jsonl": '{"id": 3, "answer": "three"}\n'}[kind]
        (tmp_path / f"answers.{kind}").write_text(first)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), name, what],
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
