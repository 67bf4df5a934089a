"""What a prompt shows of each type of a frame: as the page about files says, whoever made the frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portkey_handler.operations.rows import cells
from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.prompts.frames import as_frame
from portkey_handler.session import Session

#: One for all, because each would open a database.
SESSION = Session()
PAGE = Path(__file__).parents[3] / "docs" / "files.md"
NAMES = {
    "np": np, "pd": pd, "Decimal": Decimal, "date": date, "datetime": datetime, "time": time, "timedelta": timedelta,
    "ZoneInfo": ZoneInfo,
}  # fmt: skip


def examples() -> list[tuple[str, str]]:
    """Return the values of the page's table, and their texts where it shows them."""
    table = PAGE.read_text(encoding="utf-8").rpartition("## What a prompt shows")[2]
    found = []
    for line in re.findall(r"^\| (`.*`) \| (.*) \|$", table, re.M):
        values, shown = (re.findall("`([^`]+)`", part) for part in line)
        found += [
            (value, shown[min(place, len(shown) - 1)] if shown else "") for place, value in enumerate(values)
        ]
    return found


@pytest.mark.parametrize(("value", "shown"), examples())
def test_the_table_of_the_page(value: str, shown: str) -> None:
    """Each row of it, by way of a frame and of a session."""
    cell = eval(value, dict(NAMES))  # noqa: S307 — our own page
    if value == "2**70":
        shown = str(2**70)
    frame = pd.DataFrame({"v": pd.Series([cell, cell], dtype=object)})

    assert {prompt(one) for one in cells(frame, "v")} == {shown}
    assert set(asked_of(frame)) == {shown}


def prompt(cell: Any) -> str:
    """Return a cell as a prompt shows it."""
    return "" if is_null(cell) else to_text(cell)


def asked_of(data: Any) -> list[str]:
    """Return the texts of the column `v` of a table as a model of a session gets them."""
    from portkey_handler.session.result_frames import to_frame

    SESSION.register("t", data)
    [(_, found)] = list(SESSION.results("SELECT v FROM t"))
    return [prompt(cell) for cell in cells(to_frame(found, for_prompts=True), "v")]  # type: ignore[arg-type]


def number(value: float, digits: Callable[[float], Any]) -> str:
    """Return the shortest digits that give the same number in its width."""
    return repr(float(str(digits(value))))


def moment(value: datetime) -> str:
    """Return a time in ISO 8601."""
    return value.isoformat()


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]
#: Before 2037, because pytz, which older versions of pandas use, has no summer time after it.
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1))
#: dtype → values, and their text in a prompt. No NaN: whole floats beside a NULL count as whole numbers, because
#: pandas turns whole numbers beside a NULL into floats.
KINDS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "int8": (st.integers(-128, 127), str),
    "int64": (st.integers(-(2**63), 2**63 - 1), str),
    "uint64": (st.integers(0, 2**64 - 1), str),
    "float16": (
        st.floats(width=16, allow_infinity=False, allow_nan=False),
        lambda one: number(one, np.float16),
    ),
    "float32": (
        st.floats(width=32, allow_infinity=False, allow_nan=False),
        lambda one: number(one, np.float32),
    ),
    "float64": (st.floats(allow_infinity=False, allow_nan=False), lambda one: number(one, float)),
    "bool": (st.booleans(), lambda one: "true" if one else "false"),
    "string": (st.text(st.characters(codec="utf-8"), min_size=1), str),
    "date32": (st.dates(), str),
    "timestamp[us]": (MOMENTS, moment),
    "decimal": (st.decimals(-(10**9), 10**9, places=2), str),
    "duration": (
        st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
        lambda one: f"P{one.days}DT{one.seconds // 3600}H{one.seconds % 3600 // 60}M{one.seconds % 60}S",
    ),
    "list": (st.lists(st.integers(0, 9), max_size=3), lambda one: f"[{','.join(map(str, one))}]"),
}
ARROW = {
    "int8": pa.int8(), "int64": pa.int64(), "uint64": pa.uint64(), "float16": pa.float16(), "float32": pa.float32(),
    "float64": pa.float64(), "bool": pa.bool_(), "string": pa.string(), "date32": pa.date32(),
    "timestamp[us]": pa.timestamp("us"), "decimal": pa.decimal128(12, 2), "duration": pa.duration("us"),
    "list": pa.list_(pa.int64()),
}  # fmt: skip


def ways(kind: str, values: list[Any]) -> dict[str, Any]:
    """Return the values as tables of every library."""
    arrow = pa.table(
        {"v": pa.array([np.float16(one) if kind == "float16" else one for one in values], ARROW[kind])}
    )
    found: dict[str, Any] = {
        "Arrow": arrow,
        "pandas of Arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "a dict": {"v": values} if kind not in ("float16", "float32") else arrow,
        "rows": [{"v": one} for one in values] if kind not in ("float16", "float32") else arrow,
    }
    if kind not in ("date32", "decimal", "list", "string", "duration", "timestamp[us]"):
        found["pandas"] = pd.DataFrame({"v": np.array(values, dtype=kind)})
    if kind != "float16":
        found["Polars"] = pl.from_arrow(arrow)
        found["lazy Polars"] = pl.from_arrow(arrow).lazy()  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_each_type_from_each_library(kind: str, data: st.DataObject) -> None:
    """One text, for a Predictor and for a model of a session."""
    strategy, text = KINDS[kind]
    values = data.draw(st.lists(strategy, min_size=1, max_size=4))
    wanted = [text(one) for one in values]

    for way, table in ways(kind, values).items():
        assert [prompt(cell) for cell in cells(as_frame(table), "v")] == wanted, way
        assert asked_of(table) == wanted, way


@settings(deadline=None, max_examples=30)
@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(["s", "ms", "us", "ns"]))
def test_times_keep_their_zone(when: datetime, zone: str, unit: str) -> None:
    """Midnight in Berlin became the day before."""
    here = when.replace(tzinfo=timezone.utc, microsecond=0).astimezone(ZoneInfo(zone))
    tables = [
        pd.DataFrame({"v": pd.Series([here]).astype(f"datetime64[{unit}, {zone}]")}),
        pa.table({"v": pa.array([here], pa.timestamp(unit, zone))}),
    ]

    for table in tables:
        assert [prompt(cell) for cell in cells(as_frame(table), "v")] == [here.isoformat()]
        assert asked_of(table) == [here.isoformat()]


@pytest.mark.parametrize(
    ("series", "wanted"),
    [
        (pd.Series(pd.period_range("2026-01", periods=2, freq="M")), ["2026-01", "2026-02"]),
        (pd.Series(pd.interval_range(0, 2)), ["(0, 1]", "(1, 2]"]),
        (pd.Series(pd.arrays.SparseArray([0.0, 1.5])), ["0.0", "1.5"]),
        (pd.Series([1, None], dtype="Int64"), ["1", ""]),
        (pd.Series(["a", None], dtype="category"), ["a", ""]),
        (
            pd.Series([Decimal("1.10"), Decimal("4")], dtype=pd.ArrowDtype(pa.decimal256(60, 2))),
            ["1.10", "4.00"],
        ),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_types_of_pandas(series: pd.Series[Any], wanted: list[str]) -> None:
    """As they print."""
    frame = pd.DataFrame({"v": series})
    assert [prompt(cell) for cell in cells(frame, "v")] == wanted
    assert asked_of(frame) == wanted
