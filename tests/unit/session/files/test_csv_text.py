"""Files of texts as people have them: dialects, encodings, faults, and rows that are added."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_handler.errors import InputError, StatementError
from portkey_handler.prompts.cell_text import is_null
from portkey_handler.session import Session
from portkey_handler.session.files.csv_text import dialect_of, encoding_of, with_rows

Open = Callable[..., Session]


def rows_of(session: Session) -> list[list[Any]]:
    """Return the rows of the table `t`, with None for NULL."""
    frame = session.sql("SELECT * FROM files.t")
    return [[None if is_null(cell) else cell for cell in row] for row in frame.values.tolist()]


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        ('"a;b",c\n1,2\n', ["a;b", "c"], [[1, 2]]),
        ('"a,b,c,d";e\nx;y\n', ["a,b,c,d", "e"], [["x", "y"]]),
        ("sep=;\na;b\n1;2\n", ["a", "b"], [[1, 2]]),
        ("\n\na,b\n1,2\n", ["a", "b"], [[1, 2]]),
        ("a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]]),
        ('a,b\n1,"x \\"y\\" z"\n', ["a", "b"], [[1, 'x "y" z']]),
        ('a,b\n"C:\\dir\\",x\n', ["a", "b"], [["C:\\dir\\", "x"]]),
        ('a,b\n5" pipe,x\n6,y\n', ["a", "b"], [['5" pipe', "x"], ["6", "y"]]),
        ("a\nx\n\ny\n", ["a"], [["x"], [None], ["y"]]),
        ("\ufeffa,b\n1,ä\n", ["a", "b"], [[1, "ä"]]),
    ],
)
def test_dialects_of_csv(
    open_session: Open, tmp_path: Path, content: str, names: list[str], rows: list[Any]
) -> None:
    """Quoted headers, `sep=`, blank lines, CR alone, both escapes of quotes, NULL in one column."""
    (tmp_path / "t.csv").write_bytes(content.encode())
    session = open_session()

    assert list(session.sql("SELECT * FROM files.t").columns) == names
    assert rows_of(session) == rows


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_that_files_name_themselves(open_session: Open, tmp_path: Path, encoding: str) -> None:
    """A byte order mark says which it is."""
    (tmp_path / "t.csv").write_bytes("a,b\n1,ä\n".encode(encoding))

    assert rows_of(open_session()) == [[1, "ä"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "t.csv",
            b'a,b\n1,2\n3,"x\n4,y\n',
            "a quote in line 3 is never closed; close it, or double it",
        ),
        (
            "t.csv",
            b"a,b\n1,2\n3,4,5\n",
            "line 3 has 3 cells for 2 columns; correct it, or put a cell with the delimiter into quotes",
        ),
        (
            "t.csv",
            "a,b\n1,x\n2,ä\n".encode("cp1252"),
            "line 3 is not UTF-8 (it may be cp1252); SET files.t.encoding = 'cp1252'",
        ),
        (
            "t.jsonl",
            b'{"a": 1}\n{"a":\n',
            "line 2 is not JSON (Expecting value); correct or remove it",
        ),
        (
            "t.json",
            b'[\n{"a": 1},\n{"a": }\n]',
            "line 3 is not JSON (Expecting value)",
        ),
    ],
)
def test_faults_name_their_line(
    open_session: Open, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """They were fewer rows, or an error without a place."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(StatementError, match=f"^{re.escape(f'files.t ({name}) cannot be read: {message}')}$"):
        open_session().sql("SELECT * FROM files.t")


def test_lines_of_json_in_a_json_file(open_session: Open, tmp_path: Path) -> None:
    """Many programs write them so."""
    (tmp_path / "t.json").write_text('{"a": 1}\n{"a": 2}\n')

    assert rows_of(open_session()) == [[1], [2]]


@pytest.mark.parametrize(
    ("content", "added"),
    [
        (b"a,b\n1.50,007\n", b'2.5,"x, y"\n'),
        (b"a;b\r\n1;2\r\n", b"2.5;x, y\r\n"),
        (b"\xef\xbb\xbfa,b\n1,2", b'\n2.5,"x, y"\n'),
        (b'"a"\t"b"\n"1"\t""\n', b"2.5\tx, y\n"),
        ("a,b\n1,2\n".encode("utf-16"), '2.5,"x, y"\n'.encode("utf-16-le")),
    ],
    ids=["digits", "semicolons and CRLF", "a mark and no last line end", "tabs and quotes", "utf-16"],
)
def test_insert_adds_and_touches_nothing_else(
    open_session: Open, tmp_path: Path, content: bytes, added: bytes
) -> None:
    """Every byte that was there stays, and new rows are written in the file's own form."""
    (tmp_path / "t.csv").write_bytes(content)
    session = open_session()
    session.sql("INSERT INTO files.t (a, b) VALUES (2.5, 'x, y')")

    assert (tmp_path / "t.csv").read_bytes() == content + added
    assert rows_of(session)[-1][1] == "x, y"


def test_insert_of_null_into_one_column(open_session: Open, tmp_path: Path) -> None:
    """An empty line is NULL there, and an empty text has quotes."""
    (tmp_path / "t.csv").write_bytes(b"a\nx\n")
    session = open_session()
    session.sql(
        "INSERT INTO files.t VALUES (NULL); INSERT INTO files.t VALUES (''); INSERT INTO files.t VALUES ('y')"
    )

    assert (tmp_path / "t.csv").read_bytes() == b'a\nx\n\n""\ny\n'
    assert rows_of(session) == [["x"], [None], [""], ["y"]]


CELLS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=8)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=4),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_added_rows_are_read_as_they_were(
    rows: list[tuple[str | None, str | None]], delimiter: str, end: str, encoding: str
) -> None:
    """By another reader of CSV, in every form; an empty text differs from NULL by its quotes alone."""
    content = f"a{delimiter}b{end}".encode(encoding)
    name, mark = encoding_of(content, None)
    written = with_rows(content, rows, dialect_of(content[mark:].decode(name)), name, mark)
    assert written.startswith(content)
    text = written.decode(encoding)
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    assert found == [[cell or "" for cell in row] for row in rows]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE files.new (SELECT v FROM f)",
        "INSERT INTO files.t (a) (SELECT v AS a FROM f)",
    ],
)
def test_a_cell_without_a_value_is_not_written(open_session: Open, tmp_path: Path, statement: str) -> None:
    """Half an emoji would be another text in the file; nothing is changed."""
    (tmp_path / "t.csv").write_bytes(b"a\n1\n")
    session = open_session()
    session.register("f", {"v": ["ok", "half an emoji \ud83d"]})

    message = (
        r"^the column (v|a) has a cell that cannot be written: the text has a lone surrogate \(U\+D83D\)"
    )
    with pytest.raises(StatementError, match=message):
        session.sql(statement)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["t.csv"]
    assert (tmp_path / "t.csv").read_bytes() == b"a\n1\n"


def test_insert_of_values_that_are_no_texts(open_session: Open, tmp_path: Path) -> None:
    """Each has its text; bytes that have none are an error of ours."""
    (tmp_path / "t.csv").write_bytes(b"a\n")
    session = open_session()
    session.sql("INSERT INTO files.t (a) (SELECT CAST('2026-01-02' AS DATE) AS a)")
    session.sql("INSERT INTO files.t (a) (SELECT INTERVAL 90 SECOND AS a)")
    session.sql("INSERT INTO files.t (a) (SELECT true AS a)")
    assert (tmp_path / "t.csv").read_bytes() == b"a\n2026-01-02\nP0DT0H1M30S\ntrue\n"
    session.register("f", {"v": [b"\xff"]})
    with pytest.raises(InputError, match=r"^the bytes are not UTF-8 text"):
        session.sql("INSERT INTO files.t (a) (SELECT v AS a FROM f)")
