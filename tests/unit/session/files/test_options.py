"""What is said about files: encodings, delimiters and types, by SET, by the session, and on the command line."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session

Open = Callable[..., Session]

CP1252 = "name,n\nJosé €,1\n".encode("cp1252")


def test_an_error_names_the_statement_that_helps(open_session: Open, tmp_path: Path) -> None:
    """The likely encoding, and what to write; after it the file is read, and added to in its encoding."""
    (tmp_path / "t.csv").write_bytes(CP1252)
    session = open_session()
    message = "files.t (t.csv) cannot be read: line 2 is not UTF-8 (it may be cp1252); SET files.t.encoding = 'cp1252'"

    with pytest.raises(StatementError, match=f"^{re.escape(message)}$"):
        session.sql("SELECT * FROM files.t")
    session.sql(message.rpartition("; ")[2])
    assert session.sql("SELECT * FROM files.t").values.tolist() == [["José €", 1]]
    session.sql("INSERT INTO files.t VALUES ('Zoë', 2)")
    assert (tmp_path / "t.csv").read_bytes() == CP1252 + "Zoë,2\n".encode("cp1252")
    session.sql("SET files.t.encoding = NULL")
    with pytest.raises(StatementError, match="is not UTF-8"):
        session.sql("SELECT * FROM files.t")


def test_a_character_that_the_encoding_lacks(open_session: Open, tmp_path: Path) -> None:
    """Nothing is written."""
    (tmp_path / "t.csv").write_bytes(CP1252)
    session = open_session(file_options={"t": {"encoding": "cp1252"}})

    with pytest.raises(
        StatementError, match=r"^a new row has the character U\+65E5, which cp1252 does not have"
    ):
        session.sql("INSERT INTO files.t VALUES ('日', 2)")
    assert (tmp_path / "t.csv").read_bytes() == CP1252


@pytest.mark.parametrize(
    "encoding", ["cp1250", "cp1251", "latin-1", "shift_jis", "utf-16-le", "utf-32", "cp437"]
)
def test_encodings_of_python(open_session: Open, tmp_path: Path, encoding: str) -> None:
    """Each that has the characters; DuckDB itself knows three."""
    word = {"cp1251": "Привет", "shift_jis": "日本"}.get(encoding, "ä")
    (tmp_path / "t.csv").write_bytes(f"name,n\n{word},1\n".encode(encoding))

    session = open_session(file_options={"t": {"encoding": encoding}})
    assert session.sql("SELECT * FROM files.t").values.tolist() == [[word, 1]]


def test_a_cut_character_is_not_another_encoding(open_session: Open, tmp_path: Path) -> None:
    """A file with other UTF-8 in it is UTF-8: to read it as cp1252 would spoil every other row."""
    (tmp_path / "t.csv").write_bytes("a,b\n1,ä\n2,".encode() + b"\xf0\x9f\n")

    with pytest.raises(
        StatementError, match="line 3 is not UTF-8, and other characters are: one was cut there"
    ):
        open_session().sql("SELECT * FROM files.t")


def test_bytes_that_are_wrong_far_behind(open_session: Open, tmp_path: Path) -> None:
    """All bytes are checked, in blocks whose ends cut characters; the line is right."""
    lines = ["a,b"] + [f"{number},{'é' * (number % 7)}" for number in range(400_000)]
    content = "\n".join(lines).encode()
    (tmp_path / "good.csv").write_bytes(content)
    (tmp_path / "bad.csv").write_bytes(content + b"\n1,\xff\n")
    session = open_session()

    assert session.sql("SELECT count(*) AS n, sum(a) AS s FROM files.good").values.tolist() == [
        [400_000, 400_000 * 399_999 // 2]
    ]
    with pytest.raises(
        StatementError, match=r"^files.bad \(bad.csv\) cannot be read: line 400002 is not UTF-8"
    ):
        session.sql("SELECT count(*) FROM files.bad")


@pytest.mark.parametrize("name", ["h.csv", "h.csv.gz", "h.jsonl"])
def test_half_an_emoji_fails_its_row(open_session: Open, tmp_path: Path, name: str) -> None:
    """And neither the file nor other rows; two halves are a whole."""
    csv = "b,a\nx\ud83dy,1\nok é,2\n\ud83d\ude00,3\n".encode("utf-8", "surrogatepass")
    jsonl = b'{"b": "x\\ud83dy", "a": 1}\n{"b": "ok \xc3\xa9", "a": 2}\n{"b": "\\ud83d\\ude00", "a": 3}\n'
    contents = {"h.csv": csv, "h.csv.gz": gzip.compress(csv), "h.jsonl": jsonl}
    (tmp_path / name).write_bytes(contents[name])
    cells = open_session().sql("SELECT b, a FROM files.h")["b"].tolist()

    assert cells[1:] == ["ok é", "😀"]
    assert repr(cells[0]).startswith("<unreadable: the text has a lone surrogate (U+D83D)")


def test_what_is_said_is_kept(open_session: Open, tmp_path: Path) -> None:
    """In the catalog, with the engines; what a session says itself wins."""
    (tmp_path / "t.csv").write_bytes(b"a#b\n007#1\n")
    folder = tmp_path / "catalog"
    open_session(folder).sql(
        'SET files.t.delimiter = \'#\'; SET files.t.types = \'{"a": "integer", "b": "text"}\''
    )

    assert open_session(folder).sql("SELECT * FROM files.t").values.tolist() == [[7, "1"]]
    other = open_session(folder, file_options={"T": {"types": {"a": "text"}}})
    assert other.sql("SELECT * FROM files.t").values.tolist() == [["007", 1]]


def test_a_star_is_every_table(open_session: Open, tmp_path: Path) -> None:
    """As --encoding says it, for those that are not UTF-8; a table's own option wins, and a mark over both."""
    (tmp_path / "t.csv").write_bytes(CP1252)
    (tmp_path / "u.csv").write_bytes("name,n\nÄ,2\n".encode())
    (tmp_path / "v.csv").write_bytes("name,n\nÄ,3\n".encode("utf-8-sig"))
    (tmp_path / "w.csv").write_bytes("name,n\nÄ,4\n".encode("cp1251", "replace"))
    late = b"name,n\n" + b"plain,5\n" * 300_000
    (tmp_path / "x.csv").write_bytes(late + "José,6\n".encode("cp1252"))
    (tmp_path / "y.jsonl").write_bytes('{"name": "José", "n": 7}\n'.encode("cp1252"))
    session = open_session(file_options={"*": {"encoding": "cp1252"}, "W": {"encoding": "cp1251"}})

    rows = [
        session.sql(f"SELECT * FROM files.{name} ORDER BY n DESC").values.tolist()[0] for name in "tuvwxy"
    ]
    assert rows == [["José €", 1], ["Ä", 2], ["Ä", 3], ["?", 4], ["José", 6], ["José", 7]]
    session.sql("INSERT INTO files.x VALUES ('Zoë', 8); INSERT INTO files.u VALUES ('Zoë', 8)")
    assert (tmp_path / "x.csv").read_bytes().endswith("Zoë,8\n".encode("cp1252"))
    assert (tmp_path / "u.csv").read_bytes().endswith("Zoë,8\n".encode())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SET files.t.encodin = 'cp1252'",
            "files.t.encodin is no option of a file, did you mean 'encoding'?; there are: encoding, delimiter, types, key",
        ),
        (
            "SET files.t.encoding = 'nope'",
            "the encoding 'nope' is not known; known are utf-8, utf-16, cp1252, latin-1, cp1250, cp1251, shift_jis, "
            "gb18030 and the others of Python",
        ),
        ("SET files.t.encoding = 'base64'", "the encoding 'base64' is not known; known are utf-8, utf-16, cp1252, "
         "latin-1, cp1250, cp1251, shift_jis, gb18030 and the others of Python"),
        ("SET files.t.encoding = 7", "files.t.encoding is a text, not int"),
        ("SET files.t.delimiter = '<>'", "files.t.delimiter is one sign, such as ';' or '\\t', not '<>'"),
        ("SET files.t.types = 'a: text'", "files.t.types is JSON such as '{\"id\": \"text\"}' (Expecting value)"),
        (
            "SET files.t.types = '{\"a\": \"varchar\"}'",
            "files.t.types: the type 'varchar' of a is not known; known are: text, integer, decimal, float, boolean, "
            "date, timestamp",
        ),
        ("SET files.encoding = 'utf-8'", "SET files.encoding: write SET files.table.option = value"),
    ],
)  # fmt: skip
def test_what_cannot_be_said(open_session: Open, statement: str, message: str) -> None:
    """It is an error at once, and not at the next query."""
    with pytest.raises(StatementError, match=f"^{re.escape(message)}$"):
        open_session().sql(statement)


def test_the_session_checks_its_options() -> None:
    """In the same words."""
    with pytest.raises(
        StatementError, match=r"^files\.t\.typ is no option of a file, did you mean 'types'\?"
    ):
        Session(file_options={"t": {"typ": "x"}})
