"""Types of CSV columns: every digit survives, a prompt gets the cell's own text, and a type can be said."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.prompts.cell_text import to_text
from portkey_handler.session import Session

Open = Callable[..., Session]

PARCELS = ["9400111899223100001234", "9400111899223100001235", "9400111899223100009999"]


@pytest.fixture
def table(open_session: Open, tmp_path: Path) -> Callable[..., Session]:
    """Write files.t with a column `v`, and return a session with the model m."""

    def write(*cells: str, **options: Any) -> Session:
        lines = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells, start=1))
        (tmp_path / "t.csv").write_text(f"id,v\n{lines}", encoding="utf-8")
        session = open_session(**options)
        session.sql(
            "CREATE ML_ENGINE e FROM portkey; CREATE MODEL m PREDICT answer USING engine = 'e', column = 'v'"
        )
        return session

    return write


def kind(session: Session) -> str:
    """Return DuckDB's type of the column."""
    return str(session.sql("SELECT typeof(v) AS kind FROM files.t LIMIT 1")["kind"][0])


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1", "-2", "0"], "BIGINT"),
        (["1", "9223372036854775807"], "BIGINT"),
        (["1", "9223372036854775808"], "VARCHAR"),
        (PARCELS, "VARCHAR"),
        (["007", "8"], "VARCHAR"),
        (["1", "-0"], "VARCHAR"),
        (["12E4", "3"], "VARCHAR"),
        (["1E400", "1.5"], "VARCHAR"),
        (["1.5E400", "1.5"], "VARCHAR"),
        (["4", "4.50", "10.00"], "DECIMAL(18,2)"),
        (["-4.5", "0.125"], "DECIMAL(18,3)"),
        (["1", "1234567890123456.5"], "DECIMAL(18,1)"),
        (["1.5", "12345678901234567890.5"], "DECIMAL(38,1)"),
        (["1.5", "1." + "1" * 38], "VARCHAR"),
        (["0.30000000000000004", "1.1"], "DECIMAL(18,17)"),
        (["123.30000000000000004", "1.1"], "DECIMAL(38,17)"),
        (["12345.300000000001", "0.30000000000000004"], "DOUBLE"),
        (["1.5e-7", "0.1"], "DOUBLE"),
        (["1.123456789012345678e5", "0.1"], "VARCHAR"),
        ([".5", "1.5"], "VARCHAR"),
        (["+5", "6"], "VARCHAR"),
        (["1_000", "2"], "VARCHAR"),
        (["inf", "1.5"], "VARCHAR"),
        ([" 1", " 22"], "BIGINT"),
        (["true", "FALSE"], "BOOLEAN"),
        (["true", "yes"], "VARCHAR"),
        (["2026-01-02", "1999-12-31"], "DATE"),
        (["2026-02-31", "2026-01-01"], "VARCHAR"),
        (["2026-01-02 08:30", "2026-01-02T08:30:00.5"], "TIMESTAMP"),
        (["2026-01-02 08:30", "2026-01-02 25:30"], "VARCHAR"),
        (["", "5"], "BIGINT"),
        (['""', "5"], "VARCHAR"),
        (["N/A", "5"], "VARCHAR"),
    ],
    ids=str,
)
def test_the_type_that_keeps_every_digit(
    table: Callable[..., Session], asked: Any, cells: list[str], wanted: str
) -> None:
    """A type is guessed only where no cell loses a digit; a prompt gets each cell as it was written."""
    session = table(*cells)
    assert kind(session) == wanted

    session.sql("SELECT m.answer FROM files.t AS t JOIN m")
    shown = [cell for cell in asked.frames[0]["v"].astype(object) if to_text(cell)]
    assert [to_text(cell) for cell in shown] == [cell for cell in cells if cell.strip('"')]


def test_a_type_that_only_later_rows_show(open_session: Open, tmp_path: Path) -> None:
    """A sample of the first rows proposes a type; all rows decide."""
    rows = "".join(f"{number},{number},\n" for number in range(3000))
    (tmp_path / "t.csv").write_text(f"a,b,c\n{rows}x,1.25,007\n")
    session = open_session()

    found = session.sql(
        "SELECT typeof(a) AS a, typeof(b) AS b, typeof(c) AS c, max(b) AS most FROM files.t GROUP BY 1, 2, 3"
    )
    assert found.values.tolist() == [["VARCHAR", "DECIMAL(18,2)", "VARCHAR", 2999.0]]


def test_ragged_decimals_are_numbers(table: Callable[..., Session]) -> None:
    """They were texts, so that 4 was more than 10.00."""
    session = table("4", "4.50", "10.00")
    found = session.sql("SELECT max(v) AS most, avg(v) AS mean, sum(v) AS total FROM files.t")

    assert found.values.tolist() == [[10.0, 18.5 / 3, 18.5]]
    assert session.sql("SELECT v FROM files.t ORDER BY v DESC")["v"].tolist() == [10.0, 4.5, 4.0]
    assert session.sql("SELECT v FROM files.t")["v"].dtype == float


def test_decimals_that_floats_would_round_stay_decimals(table: Callable[..., Session]) -> None:
    """In a frame, too."""
    found = table("12345678901234567.25", "1.5").sql("SELECT v FROM files.t")["v"].tolist()

    assert found == [Decimal("12345678901234567.25"), Decimal("1.50")]


def test_parcels_are_three(table: Callable[..., Session], asked: Any) -> None:
    """Three numbers of parcels became one float: one request, and one answer beside three parcels."""
    session = table(*PARCELS)

    assert session.sql("SELECT m.answer FROM files.t AS t JOIN m")["answer"].tolist() == PARCELS
    assert session.sql("SELECT a.id, b.id AS other FROM files.t AS a JOIN files.t AS b ON a.v = b.v").values.tolist() == [
        [1, 1], [2, 2], [3, 3],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "SELECT m.answer FROM files.t AS t JOIN m",
        "SELECT m.answer FROM files.t AS t JOIN m WHERE t.v > 1 ORDER BY t.v LIMIT 5",
        "SELECT m.answer FROM (SELECT * FROM files.t) AS s JOIN m",
        "SELECT m.answer FROM (SELECT id, v AS v FROM files.t ORDER BY v) AS s JOIN m",
        "SELECT m.answer FROM (SELECT v FROM (SELECT t.* FROM files.t AS t WHERE t.v < 99)) AS s JOIN m",
        "WITH w AS (SELECT v FROM files.t) SELECT m.answer FROM w JOIN m",
        "SELECT m.answer FROM files.t AS t JOIN (SELECT id FROM files.t) AS u ON t.id = u.id JOIN m",
        "SELECT m.answer FROM (SELECT t.v FROM files.t AS t JOIN files.t AS u ON t.id = u.id) AS s JOIN m",
    ],
)
def test_own_texts_reach_the_prompt(table: Callable[..., Session], asked: Any, query: str) -> None:
    """1.10 is not 1.1 there, also through subselects that hand the column on."""
    table("1.10", "4", "10.00").sql(query)

    assert sorted(to_text(cell) for cell in asked.frames[0]["v"]) == ["1.10", "10.00", "4"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT m.answer FROM (SELECT DISTINCT v FROM files.t) AS s JOIN m",
        "SELECT m.answer FROM (SELECT v, count(*) AS n FROM files.t GROUP BY v) AS s JOIN m",
        "SELECT m.answer FROM (SELECT v FROM files.t UNION SELECT v FROM files.t) AS s JOIN m",
    ],
)
def test_where_rows_become_one_they_are_equal_numbers(
    table: Callable[..., Session], asked: Any, query: str
) -> None:
    """1.1 and 1.10 are one number, which has all places of its column."""
    table("1.10", "1.1").sql(query)

    assert [to_text(cell) for cell in asked.frames[0]["v"]] == ["1.10"]


def test_a_condition_of_a_template_takes_the_number(table: Callable[..., Session]) -> None:
    """A cell with a text of its own is still compared as a number, and JSON gets a number."""
    from portkey_handler.prompts.cells import NumberText
    from portkey_handler.prompts.template import Template

    prompt = Template("{% if v == 1.1 %}{{ v }} {{ v|tojson }} {{ v|default('x') }}{% endif %}")
    assert prompt.render({"v": NumberText.of("1.10")}) == "1.10 1.10 1.10"


SAID = [
    ("007", "integer", "BIGINT", 7),
    ("9400111899223100001234", "integer", "HUGEINT", 9400111899223100001234),
    ("5", "text", "VARCHAR", "5"),
    ("+1.5", "decimal", "DECIMAL(18,1)", 1.5),
    ("12E4", "float", "DOUBLE", 120000.0),
    ("yes", "boolean", "BOOLEAN", True),
]


@pytest.mark.parametrize(("cell", "said", "wanted", "value"), SAID)
def test_a_type_can_be_said(
    table: Callable[..., Session], asked: Any, cell: str, said: str, wanted: str, value: Any
) -> None:
    """Where the guess does not serve; the prompt still gets the cell."""
    session = table(cell, file_options={"t": {"types": {"V": said}}})

    assert kind(session) == wanted
    assert session.sql("SELECT v FROM files.t")["v"].tolist() == [value]
    session.sql("SELECT m.answer FROM files.t AS t JOIN m")
    assert [to_text(one) for one in asked.frames[0]["v"]] == [cell]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"v": "integer"},
            "files.t (t.csv) cannot be read: the cell of column v in row 2 is not of the type integer, which is "
            "said for it; correct the cell, or say the type text",
        ),
        (
            {"w": "integer"},
            "files.t (t.csv) cannot be read: a type is said for w, which is no column of it; it has: id, v",
        ),
    ],
)
def test_a_type_that_does_not_fit(table: Callable[..., Session], said: dict[str, str], message: str) -> None:
    """Nothing becomes NULL or another number in silence."""
    session = table("1", "1.5", file_options={"t": {"types": said}})

    with pytest.raises(StatementError, match=f"^{re.escape(message)}$"):
        session.sql("SELECT * FROM files.t")
