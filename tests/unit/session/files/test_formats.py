"""Formats of files, compressed or not; folders of parts, patterns, and what is no table."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portkey_handler.errors import NotFoundError, PortkeyHandlerError, StatementError
from portkey_handler.session import Session

Open = Callable[..., Session]

ROWS = [[1, "x"], [2, "y"]]
CSV = b"a,b\n1,x\n2,y\n"
LINES = b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'
ARRAY = b'[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]'


def parquet() -> bytes:
    """Return the rows as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), sink)
    return bytes(sink.getvalue().to_pybytes())


def zstd(content: bytes) -> bytes:
    """Return compressed bytes."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return bytes(sink.getvalue().to_pybytes())


FORMATS = {
    "csv": CSV,
    "tsv": CSV.replace(b",", b"\t"),
    "txt": CSV.replace(b",", b";"),
    "json": ARRAY,
    "jsonl": LINES,
    "ndjson": LINES,
    "parquet": parquet(),
}


def rows(session: Session, table: str = "t") -> list[Any]:
    """Return the rows of a table."""
    return session.sql(f"SELECT * FROM files.{table}").values.tolist()


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_formats(open_session: Open, tmp_path: Path, suffix: str, packed: str) -> None:
    """Each as it is and compressed; its name is the same, and rows are added to it."""
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}
    (tmp_path / f"t.{suffix}{packed}").write_bytes(pack[packed](FORMATS[suffix]))
    session = open_session()

    assert rows(session) == ROWS
    assert session.sql("SHOW FILES").values.tolist() == [["t", suffix, None]]
    session.sql("INSERT INTO files.t (b, a) VALUES ('z', 3)")
    assert rows(session) == [*ROWS, [3, "z"]]
    assert rows(session, f"`t.{suffix}{packed}`") == [*ROWS, [3, "z"]]


def test_a_user_connection_reads_files_too(open_session: Open, tmp_path: Path) -> None:
    """Beside its own tables, and nothing is registered on it."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TABLE own AS SELECT 2 AS a, 'own' AS c")
    (tmp_path / "t.csv").write_bytes(CSV.replace(b"x", b"1.10"))
    (tmp_path / "p.parquet").write_bytes(parquet())
    session = open_session(connection=connection)

    joined = session.sql(
        "SELECT t.b, o.c, p.b AS d FROM files.t JOIN own AS o ON o.a = t.a JOIN files.p AS p ON p.a = t.a"
    )
    assert joined.values.tolist() == [["y", "own", "y"]]
    assert connection.list_filesystems() == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the file is empty; a first line with the columns' names is needed"),
        ("t.csv", b"\n \n", "the file is empty; a first line with the columns' names is needed"),
        ("t.csv", b"\xef\xbb\xbf", "the file is empty; a first line with the columns' names is needed"),
        ("t.json", b"", "the file is empty; an array of objects, or an object on each line, is needed"),
        ("t.json", b"[1, 2]", "every record must be an object"),
        (
            "t.json",
            b'{"a": 1}\n{"a": 2\n',
            "line 2 is not JSON (Expecting ',' delimiter); correct or remove it",
        ),
        ("t.csv.gz", b"junk", "it cannot be unpacked (zlib inflate failed: incorrect header check)"),
    ],
)
def test_files_that_cannot_be_read(
    open_session: Open, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """The message says which, where and why."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(StatementError, match=f"^{re.escape(f'files.t ({name}) cannot be read: {message}')}$"):
        open_session().sql("SELECT * FROM files.t")


@pytest.mark.parametrize("name", ["t.gz.csv.gz", "t.parquet", "t.xlsx", "t.zst", "t.csv.zst", "t.json.gz"])
def test_junk_under_any_suffix(open_session: Open, tmp_path: Path, name: str) -> None:
    """An error of ours in every case."""
    (tmp_path / name).write_bytes(b"PK\x03\x04 junk \x00\xff")

    with pytest.raises(PortkeyHandlerError) as raised:
        open_session().sql(f"SELECT * FROM files.`{name}`")
    assert type(raised.value).__module__.startswith("portkey_handler")
    assert "\n" not in str(raised.value)


def test_a_cut_archive_is_an_error(open_session: Open, tmp_path: Path) -> None:
    """And never fewer rows."""
    lines = "".join(f"{number},{number * 7919 % 104729}\n" for number in range(50_000))
    whole = gzip.compress(f"a,b\n{lines}".encode())
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(StatementError, match=r"^files.t \(t.csv.gz\) cannot be read: it cannot be unpacked"):
        open_session().sql("SELECT count(*) FROM files.t")


def test_no_rows_and_no_columns(open_session: Open, tmp_path: Path) -> None:
    """A header without rows, and an empty array."""
    (tmp_path / "h.csv").write_bytes(b"a,b\n")
    (tmp_path / "e.json").write_bytes(b"[]")
    session = open_session()

    assert list(session.sql("SELECT * FROM files.h").columns) == ["a", "b"]
    assert rows(session, "h") == rows(session, "e") == []
    assert session.sql("SELECT count(*) AS n FROM files.e")["n"].tolist() == [0]


def test_an_error_of_a_file_is_not_told_for_another_query(open_session: Open, tmp_path: Path) -> None:
    """A query that reads ahead may leave an error behind that nobody has asked for."""
    (tmp_path / "t.csv").write_bytes(CSV)
    session = open_session()
    session.sql("SELECT 1")
    session._database.served.failed(StatementError("files.other (other.csv) cannot be read"))

    with pytest.raises(StatementError, match=r"^binder error: .*nosuch"):
        session.sql("SELECT nosuch FROM files.t")


# ---- folders and patterns


def test_a_folder_of_parts_is_one_table(open_session: Open, tmp_path: Path) -> None:
    """By the names of columns; a column that a part lacks is NULL there."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "p1.csv").write_bytes(b"a,b\n1,x\n")
    (tmp_path / "t" / "p2.csv.gz").write_bytes(gzip.compress(b"b;a;c\ny;2;z\n"))
    (tmp_path / "t" / "_SUCCESS").write_bytes(b"")
    (tmp_path / "t" / ".p1.csv.crc").write_bytes(b"junk")
    session = open_session()

    found = session.sql("SELECT a, b, c FROM files.t").astype(object)
    assert found.where(found.notna(), None).values.tolist() == [[1, "x", None], [2, "y", "z"]]
    assert session.sql("SELECT count(*) AS n FROM files.`t/*.csv`")["n"].tolist() == [1]
    assert rows(session, "`t/p1`") == [[1, "x"]]


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_a_folder_of_partitions(open_session: Open, tmp_path: Path, suffix: str) -> None:
    """The names of its folders are columns."""
    for year, content in (("2024", FORMATS[suffix]), ("2025", FORMATS[suffix])):
        folder = tmp_path / "t" / f"year={year}" / "region=eu%20west"
        folder.mkdir(parents=True)
        (folder / f"part-0.{suffix}").write_bytes(content)
    session = open_session()

    found = session.sql("SELECT a, b, year, region FROM files.t WHERE year = 2025 ORDER BY a")
    assert found.values.tolist() == [[1, "x", 2025, "eu west"], [2, "y", 2025, "eu west"]]


def test_parts_of_several_formats(open_session: Open, tmp_path: Path) -> None:
    """Which are meant is to be said."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "p1.csv").write_bytes(CSV)
    (tmp_path / "t" / "p2.json").write_bytes(ARRAY)

    with pytest.raises(
        StatementError, match=r"^files\.t is a folder with files of several formats \(csv, json\)"
    ):
        open_session().sql("SELECT * FROM files.t")


def test_a_fault_in_a_part_names_the_part(open_session: Open, tmp_path: Path) -> None:
    """With its line."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "p1.csv").write_bytes(CSV)
    (tmp_path / "t" / "p2.csv").write_bytes(CSV + b"1,2,3\n")

    with pytest.raises(
        StatementError, match=r"^files\.t \(t/p2\.csv\) cannot be read: line 4 has 3 cells for 2 columns"
    ):
        open_session().sql("SELECT * FROM files.t")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO files.t VALUES (1, 'x')",
        "DROP TABLE files.t",
        "CREATE OR REPLACE TABLE files.t (SELECT 1 AS a)",
    ],
)
def test_only_one_file_is_written(open_session: Open, tmp_path: Path, statement: str) -> None:
    """A folder of parts stays as it is."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "p1.csv").write_bytes(CSV)
    (tmp_path / "t" / "p2.csv").write_bytes(CSV)

    with pytest.raises(
        StatementError, match=r"^files\.t is a folder or a pattern; only a table of one file is written$"
    ):
        open_session().sql(statement)
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["p1.csv", "p2.csv"]


# ---- names


def test_two_files_of_one_name(open_session: Open, tmp_path: Path) -> None:
    """The suffix tells them apart."""
    (tmp_path / "t.csv").write_bytes(CSV)
    (tmp_path / "t.json").write_bytes(ARRAY)
    session = open_session()

    with pytest.raises(StatementError, match=r"^files\.t may be files\.`t\.csv` and files\.`t\.json`"):
        session.sql("SELECT * FROM files.t")
    assert rows(session, "`t.csv`") == rows(session, "t.json") == ROWS
    assert session.sql("SHOW FILES")["NAME"].tolist() == ["t.csv", "t.json"]


@pytest.mark.parametrize("name", ["../t", "a/../t", "/etc/passwd", "a//t", "./t", ".t", "a\\t", "c:t", "t."])
def test_names_that_lead_out(open_session: Open, tmp_path: Path, name: str) -> None:
    """Or that are none."""
    (tmp_path / "t.csv").write_bytes(CSV)
    (tmp_path / "files").mkdir()

    with pytest.raises(StatementError, match="is not a table's name: it must stay inside the files folder"):
        open_session(files=tmp_path / "files").sql(f"SELECT * FROM files.`{name}`")


@pytest.mark.parametrize("name", ["link", "inside", "way/t", "`parts`", "`l*`"])
def test_no_link_is_followed(open_session: Open, tmp_path: Path, name: str) -> None:
    """Not at any level, not even one that stays inside; a folder with a link in it is no table."""
    inside = tmp_path / "files"
    inside.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "t.csv").write_text("a\nCANARY\n")
    (inside / "real.csv").write_text("a\n1\n")
    (inside / "link.csv").symlink_to(tmp_path / "out" / "t.csv")
    (inside / "inside.csv").symlink_to(inside / "real.csv")
    (inside / "way").symlink_to(tmp_path / "out")
    (inside / "parts").mkdir()
    (inside / "parts" / "p.csv").symlink_to(tmp_path / "out" / "t.csv")

    with pytest.raises((StatementError, NotFoundError)) as raised:
        open_session(files=inside).sql(f"SELECT * FROM files.{name if '`' in name else f'`{name}`'}")
    assert "CANARY" not in str(raised.value)


def test_show_files_says_what_cannot_be_read(open_session: Open, tmp_path: Path) -> None:
    """And why; everything that can be read is a table."""
    (tmp_path / "good.csv").write_bytes(CSV)
    (tmp_path / "bad.csv").write_bytes("name,n\nJosé,1\n".encode("cp1252"))
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    (tmp_path / "notes.docx").write_bytes(b"junk")
    (tmp_path / "link.csv").symlink_to(tmp_path / "good.csv")
    (tmp_path / "folder").mkdir()
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "p.csv").write_bytes(CSV)
    session = open_session()
    shown = {name: (kind, why) for name, kind, why in session.sql("SHOW FILES").values.tolist()}

    assert list(shown) == ["bad", "empty", "folder", "good", "junk", "link.csv", "notes.docx", "parts"]
    assert shown["good"] == ("csv", None)
    assert shown["parts"] == ("csv", None)
    assert shown["bad"] == (
        "csv",
        "line 2 is not UTF-8 (it may be cp1252); SET files.bad.encoding = 'cp1252'",
    )
    assert shown["empty"][1] == "the file is empty; a first line with the columns' names is needed"
    assert shown["junk"][1] is not None
    assert shown["notes.docx"] == (
        None,
        "its suffix is not one of .csv, .json, .parquet, .xlsx and their kin",
    )
    assert shown["link.csv"] == (None, "a link; links are not followed")
    assert shown["folder"] == (None, "a folder without files that can be read")
    assert session.sql("SHOW TABLES FROM files")["Tables_in_files"].tolist() == ["good", "parts"]


def test_a_file_that_changes_between_queries(open_session: Open, tmp_path: Path) -> None:
    """Types and dialect are those of the file as it is now, also within a tick of the clock."""
    session = open_session()
    for content, wanted in (
        (b"a\n123\n", 123),
        (b"a\n007\n", "007"),
        (b"a\n1.5\n", 1.5),
        (b"a\nxyz\n", "xyz"),
    ):
        (tmp_path / "t.csv").write_bytes(content)
        assert rows(session) == [[wanted]]
