"""Frames on their way into a session."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import re
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from portkey_handler.errors import InputError
from portkey_handler.operations.rows import cells
from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.prompts.cells import Unreadable
from portkey_handler.session import Session


def arrow(values: list[Any], kind: Any) -> pd.Series[Any]:
    """Return a column of an Arrow type."""
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, kind)))


PATH = pathlib.PurePosixPath("/a")


def selected(values: list[Any]) -> list[Any]:
    """Return the values of a column of objects as a session gives them back."""
    session = Session()
    session.register("f", pd.DataFrame({"v": pd.Series(values, dtype=object)}))
    return [None if is_null(found) else found for found in session.sql("SELECT v FROM f")["v"]]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([b"a", "b"], ["a", "b"]),
        ([True, "x"], ["true", "x"]),
        ([datetime.datetime(2026, 1, 1), "x"], ["2026-01-01T00:00:00", "x"]),
        ([decimal.Decimal("NaN"), decimal.Decimal("1.5")], [None, decimal.Decimal("1.5")]),
        ([np.datetime64("NaT"), "x"], [None, "x"]),
        ([{"a": float("nan")}, [1, float("nan")]], [{"a": None}, [1, None]]),
        ([{"a": b"x"}, {"a": pd.NaT}], [{"a": "x"}, {"a": None}]),
        ([{"a": 2**70}], [{"a": 2**70}]),
        ([PATH, "x"], ["/a", "x"]),
        ([{"a": PATH}], [{"a": "/a"}]),
    ],
    ids=repr,
)
def test_mixed_values_have_the_text_that_a_prompt_gets(values: list[Any], wanted: list[Any]) -> None:
    """What has no table type becomes text or JSON as `cell_text` writes it; NULL stays NULL."""
    assert selected(values) == wanted
    if not any(isinstance(value, (dict, list)) or value is PATH for value in values):
        assert [to_text(value) for value in values] == [to_text(value) for value in wanted]


BAD_BYTES = "the bytes are not UTF-8 text (first at position 0); decode them in the SELECT, for example with"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["ok", b"\xff"], BAD_BYTES),
        ([{"a": 1}, {"a": b"\xff"}], BAD_BYTES),
        (["ok", "half an emoji \ud83d"], "the text has a lone surrogate (U+D83D) at position 14"),
        ([["ok"], ["\ud83d"]], "surrogates not allowed"),
    ],
    ids=["bytes", "bytes in JSON", "surrogate", "surrogate in a list"],
)
def test_a_cell_without_text_fails_only_rows_that_need_it(values: list[Any], reason: str) -> None:
    """It was an error of the whole frame, or its text was changed without a word."""
    first, second = selected(values)
    assert first == values[0]
    assert isinstance(second, Unreadable)
    with pytest.raises(InputError) as caught:
        to_text(second)
    assert reason in str(caught.value)
    session = Session()
    session.register("f", pd.DataFrame({"n": [1, 2], "v": pd.Series(values, dtype=object)}))
    assert len(session.sql("SELECT n FROM f WHERE n > 1")) == 1


#: Kinds of columns, and the text of their cells in a prompt.
KINDS: dict[str, tuple[Any, list[str]]] = {
    "float32": (pd.Series([19.99, 0.1], dtype="float32"), ["19.99", "0.1"]),
    "float32 beside NULL": (pd.Series([19.99, None], dtype="Float32"), ["19.99", "NULL"]),
    "float16": (pd.Series([0.1, 2.5], dtype="float16"), ["0.1", "2.5"]),
    "float32 of Arrow": (arrow([19.99], pa.float32()), ["19.99"]),
    "float16 of Arrow": (arrow(list(np.array([0.1], dtype="float16")), pa.float16()), ["0.1"]),
    "period": (pd.Series(pd.period_range("2026-01", periods=2, freq="M")), ["2026-01", "2026-02"]),
    "interval": (pd.Series(pd.interval_range(0, 2)), ["(0, 1]", "(1, 2]"]),
    "zone": (
        pd.Series(pd.to_datetime(["2026-01-01", "2026-07-01"]).tz_localize("Europe/Berlin")),
        ["2026-01-01T00:00:00+01:00", "2026-07-01T00:00:00+02:00"],
    ),
    "zones": (
        pd.Series(
            [pd.Timestamp("2026-01-01", tz=zone) for zone in ("Europe/Berlin", "America/New_York")],
            dtype=object,
        ),
        ["2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00-05:00"],
    ),
    "offset": (
        pd.Series([datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))]),
        ["2026-01-01T00:00:00+02:00"],
    ),
    "zone of Arrow": (
        arrow([datetime.datetime(2026, 1, 1)], pa.timestamp("us", "Europe/Berlin")),
        ["2026-01-01T01:00:00+01:00"],
    ),
    "duration": (
        pd.Series(pd.to_timedelta(["1D", "90.5s", None])),
        ["P1DT0H0M0S", "P0DT0H1M30.500000S", "NULL"],
    ),
    "sparse": (pd.Series(pd.arrays.SparseArray([1.5, 0.0])), ["1.5", "0.0"]),
    "category": (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
    "decimal256": (arrow([decimal.Decimal("1" * 60)], pa.decimal256(70, 2)), [f"{'1' * 60}.00"]),
    "small decimal256": (arrow([decimal.Decimal("1.10")], pa.decimal256(70, 2)), ["1.10"]),
    "decimal": (arrow([decimal.Decimal("1.10")], pa.decimal128(10, 2)), ["1.10"]),
    "complex": (pd.Series([1 + 2j]), ["(1+2j)"]),
    "before year 1": (pd.Series(np.array(["-0043-03-15"], dtype="M8[s]")), ["-0043-03-15T00:00:00"]),
    "beyond 2^63": (pd.Series([2**64 - 1], dtype="uint64"), ["18446744073709551615"]),
    "long integers": (pd.Series([10**30, 1], dtype=object), [str(10**30), "1"]),
    "integers beside NULL": (pd.Series([2**60 + 1, None], dtype="Int64"), [str(2**60 + 1), "NULL"]),
    "list": (arrow([[1, 2], None], pa.list_(pa.int64())), ["[1,2]", "NULL"]),
    "struct": (arrow([{"a": 1}], pa.struct({"a": pa.int64()})), ['{"a":1}']),
}


def texts(frame: pd.DataFrame) -> list[str]:
    """Return the texts of the cells of a column `v`, as a prompt gets them."""
    return ["NULL" if is_null(cell) else to_text(cell) for cell in cells(frame, "v")]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_column_has_one_text(kind: str) -> None:
    """With a session in between and without one, on machines in any zone."""
    column, wanted = KINDS[kind]
    frame = pd.DataFrame({"v": column})
    session = Session()
    session.register("f", frame)

    assert texts(frame) == wanted
    assert texts(session.sql("SELECT v FROM f")) == wanted
    assert texts(session.sql("SELECT t.v FROM (SELECT v FROM f) AS t")) == wanted


def test_dates_do_not_depend_on_the_machine() -> None:
    """Without a zone of its own, a time is UTC, and so is the day of midnight in Berlin."""
    session = Session()
    session.register("f", pd.DataFrame({"v": KINDS["zone"][0]}))
    found = session.sql("SELECT CAST(v AS DATE) AS day, v + INTERVAL 1 HOUR AS later FROM f LIMIT 1")
    assert str(found["day"][0]).startswith("2025-12-31")
    assert to_text(found["later"][0]) == "2026-01-01T01:00:00+01:00"


#: Values of DuckDB without an equivalent in Arrow, Python or pandas.
OF_DUCKDB = {
    "170141183460469231731687303715884105727::HUGEINT": str(2**127 - 1),
    "340282366920938463463374607431768211455::UHUGEINT": str(2**128 - 1),
    "'infinity'::DATE": "infinity",
    "'-infinity'::TIMESTAMP": "-infinity",
    "'infinity'::TIMESTAMPTZ": "infinity",
    "'0044-03-15 (BC)'::DATE": "-0043-03-15",
    "'0044-03-15 (BC)'::TIMESTAMP": "-0043-03-15T00:00:00",
    "'12:00:00+02'::TIMETZ": "12:00:00+02",
    "TIME '24:00:00'": "24:00:00",
    "'101'::BIT": "101",
    "INTERVAL 1 MONTH": "P1M0DT0H0M0S",
    "INTERVAL 90 SECOND": "P0DT0H1M30S",
    "19.99::FLOAT": "19.99",
    "TIMESTAMP_NS '2026-01-01 00:00:00.000000001'": "2026-01-01T00:00:00.000000001",
}


@pytest.mark.parametrize("value", OF_DUCKDB)
def test_values_of_duckdb(value: str) -> None:
    """They were errors of the whole query, or other values."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE f AS SELECT {value} AS v")
        with Session(connection=connection) as session:
            assert texts(session.sql("SELECT v FROM f")) == [OF_DUCKDB[value]]


ROWS = {"id": [1, None], "v": ["a", "b"]}


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        [{"id": 1, "v": "a"}, {"v": "b"}],
        pa.table(ROWS),
        pa.table(ROWS).to_reader(),
        pl.DataFrame(ROWS),
        pl.LazyFrame(ROWS),
        duckdb.sql("FROM (VALUES (1, 'a'), (NULL, 'b')) AS t(id, v)"),
    ],
    ids=["dict", "list", "arrow", "reader", "polars", "lazy", "relation"],
)
def test_tables_of_any_kind(data: Any) -> None:
    """What has Arrow's interface, and Python's own; whole numbers stay whole beside NULL."""
    session = Session()
    session.register("f", data)
    assert session.sql("SELECT id, v FROM f ORDER BY v").values.tolist() == [[1, "a"], [pd.NA, "b"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            3,
            "rows are a pandas or Polars frame, an Arrow table, a dict of columns or a list of dicts, "
            "not int",
        ),
        ({"a": "xy"}, "the column a is a list of values, one for each row, not str"),
        ({"a": 1}, "the column a is a list of values, one for each row, not int"),
        ({"a": [1], "b": [1, 2]}, "the columns differ in length: a has 1, b has 2"),
    ],
)
def test_what_is_no_table(data: Any, message: str) -> None:
    """It is named, with what can be given."""
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Session().register("f", data)


def test_a_table_without_columns_has_rows() -> None:
    """DuckDB has no such table."""
    session = Session()
    session.register("f", pd.DataFrame(index=range(3)))
    assert session.sql("SELECT count(*) AS n FROM f")["n"].tolist() == [3]
    assert session.sql("SELECT * FROM f").shape == (3, 0)


def test_names_of_columns_that_are_no_texts() -> None:
    """Numbers, tuples of a MultiIndex, and names that repeat."""
    session = Session()
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "x"), ("b", "")])
    session.register("f", pd.DataFrame([[1, 2, 3]], columns=columns))
    session.register("g", pd.DataFrame([[1, 2]]))
    assert list(session.sql("SELECT * FROM f").columns) == ["('a', 'x')", "('a', 'x')_1", "('b', '')"]
    assert list(session.sql("SELECT * FROM g").columns) == ["0", "1"]


@pytest.mark.parametrize("kind", [pl.Int128, pl.Object])
def test_a_column_that_cannot_be_read_matters_where_it_is_used(kind: Any) -> None:
    """Polars has whole numbers of 128 bits, and objects, which it hands out as places in memory."""
    session = Session()
    session.register(
        "f", pl.DataFrame({"a": pl.Series([object() if kind is pl.Object else 1], dtype=kind), "b": ["x"]})
    )

    assert session.sql("SELECT b FROM f")["b"].tolist() == ["x"]
    cell = session.sql("SELECT a FROM f")["a"][0]
    assert isinstance(cell, Unreadable)
    assert re.fullmatch("the column a cannot be read: .*; cast it to another type", cell.reason)


def test_an_object_that_prints_its_place_in_memory_is_no_text() -> None:
    """It reached the model; others print what they are."""
    session = Session()
    session.register("f", pd.DataFrame({"a": [object(), PATH]}))
    first, second = session.sql("SELECT a FROM f")["a"]

    assert isinstance(first, Unreadable)
    assert first.reason == "a value of type object is not text; CAST it to text in the SELECT"
    assert second == "/a"
