"""CSVs in the dialects that programs write, and rows added to them, compared with what was written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.session import Session

Row = list[str | None]


@dataclass(frozen=True)
class Form:
    """How a program writes a CSV."""

    delimiter: str = ","
    end: str = "\n"
    encoding: str = "utf-8"
    escape: str = '"'
    quotes_all: bool = False
    says_delimiter: bool = False
    blank_lines: int = 0
    ends_last_line: bool = True

    def cell(self, cell: str | None) -> str:
        """Return a cell as the program writes it; NULL is an empty field."""
        if cell is None:
            return ""
        bare = cell and not set(cell) & {self.delimiter, '"', "\r", "\n"}
        if bare and not self.quotes_all and not (self.escape != '"' and "\\" in cell):
            return cell
        doubled = cell if self.escape == '"' else cell.replace("\\", "\\\\")
        return '"' + doubled.replace('"', f'{self.escape}"') + '"'

    def content(self, header: list[str], rows: list[Row]) -> bytes:
        """Return the file."""
        first = f"sep={self.delimiter}{self.end}" if self.says_delimiter else ""
        lines = [
            self.delimiter.join(self.cell(cell) for cell in row) for row in [list[str | None](header), *rows]
        ]
        text = self.end * self.blank_lines + first + self.end.join(lines)
        return (text + (self.end if self.ends_last_line else "")).encode(self.encoding)


FORMS = st.builds(
    Form,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    quotes_all=st.booleans(),
    says_delimiter=st.booleans(),
    blank_lines=st.integers(0, 2),
    ends_last_line=st.booleans(),
)
#: Cells that look like numbers, dates and truth, with the digits that people write.
LOOKING = st.sampled_from(
    ["007", "12E4", "1E400", "1.10", "4", "10.00", "-0", "0.1", "1e5", "1.5e3", "9400111899223100001234", "TRUE",
     "false", "2026-01-02", "2026-01-02 08:30", "N/A", "NULL", "nan", "inf", "+5", "0x1F", "1,5", "12:30"]
)  # fmt: skip
TEXTS = st.text(st.sampled_from(list("ab1 .,;|\t\"\\'\n\ré€")), max_size=6)
CELLS = st.none() | TEXTS | LOOKING
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5)
HEADERS = st.lists(
    st.text(st.sampled_from(list("abc;,|é")), min_size=1, max_size=4),
    min_size=2,
    max_size=2,
    unique_by=str.lower,
)


def texts(frame: Any) -> list[Row]:
    """Return the cells as a prompt shows them."""
    return [
        [None if is_null(cell) else to_text(cell) for cell in row] for row in frame.to_numpy(dtype=object)
    ]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FORMS, HEADERS, ROWS, ROWS)
@example(Form(), ["a", "b"], [["1.10", "x"], ["4", "y"]], [["2.5", None]])
@example(Form(end="\r"), ["a", "b"], [["x\ny", "1"]], [["\r", "2"]])
def test_what_was_written_is_read(
    open_session: Callable[..., Session],
    asked: Any,
    form: Form,
    header: list[str],
    rows: list[Row],
    added: list[Row],
) -> None:
    """Every cell reaches a prompt as it was written, and INSERT changes no byte before it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        content = form.content(header, rows)
        path.write_bytes(content)
        said = {"encoding": form.encoding} if form.encoding == "cp1252" else {}
        if not "".join(header).isalpha():  # otherwise it is found
            said["delimiter"] = form.delimiter
        session = open_session(files=folder, file_options={"t": said})
        session.sql(
            "CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e', column = 'b'"
        )

        assert list(session.sql("SELECT * FROM files.t").columns) == header
        assert prompts(session, asked, header) == rows

        session.register("new", {name: [row[place] for row in added] for place, name in enumerate(header)})
        session.sql("INSERT INTO files.t (SELECT * FROM new)")
        after = path.read_bytes()
        assert after.startswith(content)
        assert prompts(session, asked, header) == rows + added
        session.close()


def prompts(session: Session, asked: Any, header: list[str]) -> list[Row]:
    """Return the cells that a model gets."""
    asked.clear()
    session.sql(f"SELECT m.answer FROM files.t AS t JOIN m USING column = '{header[0]}'")
    return texts(asked.frames[0][header]) if asked.frames else []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("inside", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted", ["co{}l", "col{}", "{}col", "a;b;c{}d;e"])
def test_a_line_break_in_a_header(quoted: str, inside: str, end: str, tmp_path: Path) -> None:
    """Spreadsheets write such headers; DuckDB took the break for the one of all lines, and found no rows."""
    name = quoted.format(inside)
    lines = (f'q,"{name}"', "one,x", f'two,"y{inside}z"', "")
    (tmp_path / "t.csv").write_bytes(end.join(lines).encode())
    with Session(files=tmp_path) as session:
        rows = session.sql("SELECT * FROM files.t")
    assert rows.columns.tolist() == ["q", name.strip()]
    assert rows.to_numpy().tolist() == [["one", "x"], ["two", f"y{inside}z"]]
