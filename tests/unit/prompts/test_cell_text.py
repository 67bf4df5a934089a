"""How cells become text."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import re
import subprocess
import sys
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_handler.errors import InputError
from portkey_handler.prompts.cell_text import is_null, to_json, to_text
from portkey_handler.prompts.plain_values import to_plain

NULLS = [None, float("nan"), np.float32("nan"), np.float64("nan"), pd.NA, pd.NaT]
NULLS += [
    np.datetime64("NaT", "ns"),
    np.timedelta64("NaT", "ns"),
    decimal.Decimal("nan"),
    decimal.Decimal("snan"),
]
UTC = datetime.timezone.utc


def named(value):
    """Name a value the same way in every process: without its address."""
    return re.sub(r" at 0x\w+", "", repr(value))


@pytest.mark.parametrize("value", NULLS, ids=named)
def test_null(value):
    """Every NULL of Python, numpy and pandas is one, and is empty text."""
    assert is_null(value) is True
    assert to_text(value) == ""
    assert to_plain(value) is None
    assert to_json(value) == "null"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nan",
        "None",
        0,
        False,
        0.0,
        [],
        [None],
        {},
        b"",
        np.array([np.nan, 1.0]),
        np.array([]),
        np.int64(0),
        np.bool_(False),
        np.str_(""),
        decimal.Decimal(0),
        pd.Timestamp(0),
        datetime.date(2026, 1, 1),
        object(),
    ],
    ids=named,
)
def test_not_null(value):
    """Empty, zero and false are values; so are lists, whatever they hold."""
    assert is_null(value) is False


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("abc", "abc"),
        ("a\x00b\r\n", "a\x00b\r\n"),
        ("Ünal 🦊", "Ünal 🦊"),
        (np.str_("Ü"), "Ü"),
        (True, "true"),
        (np.bool_(False), "false"),
        (3, "3"),
        (9007199254740993, "9007199254740993"),
        (np.int64(-3), "-3"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (3.0, "3.0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (float("-inf"), "-inf"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.1"),
        (decimal.Decimal("3.10"), "3.10"),
        (decimal.Decimal("1E+2"), "100"),
        (decimal.Decimal("1E+999999"), "1E+999999"),
        (datetime.date(2026, 11, 20), "2026-11-20"),
        (datetime.datetime(2026, 11, 20), "2026-11-20T00:00:00"),
        (datetime.datetime(2026, 11, 20, 8, 30, 0, 500000, UTC), "2026-11-20T08:30:00.500000+00:00"),
        (pd.Timestamp("2026-11-20"), "2026-11-20T00:00:00"),
        (pd.Timestamp("2026-11-20 08:30", tz="Europe/Stockholm"), "2026-11-20T08:30:00+01:00"),
        (pd.Timestamp("2026-11-20 08:30:00.000000001"), "2026-11-20T08:30:00.000000001"),
        (np.datetime64("2026-11-20T08:30:00.000000000"), "2026-11-20T08:30:00"),
        (np.datetime64("2026-11-20T08:30:00.500000000"), "2026-11-20T08:30:00.500000"),
        (np.datetime64("2026-11-20"), "2026-11-20"),
        (datetime.time(8, 30), "08:30:00"),
        (datetime.timedelta(days=1, hours=2), "P1DT2H0M0S"),
        (pd.Timedelta("1h 0.5s"), "P0DT1H0M0.500000S"),
        (np.timedelta64(90, "s"), "P0DT0H1M30S"),
        (pd.Period("2026-11", "M"), "2026-11"),
        ("Ü".encode(), "Ü"),
        (bytearray(b"a"), "a"),
        (memoryview(b"a"), "a"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, "ä", None, float("nan"), pd.NA, {"k": True}], '[1,"ä",null,null,null,{"k":true}]'),
        ((1, 2), "[1,2]"),
        ({1: "a"}, '{"1":"a"}'),
        ([decimal.Decimal("3.10"), pd.Timestamp("2026-11-20"), b"x"], '["3.10","2026-11-20T00:00:00","x"]'),
        (np.array([1.5, 2.0]), "[1.5,2.0]"),
        (np.array(["a", None, pd.NA], dtype=object), '["a",null,null]'),
        (np.arange(6)[::2], "[0,2,4]"),
        (np.array(["a", "b"]), '["a","b"]'),
        (np.array([0.1, np.nan], dtype="float32"), "[0.1,null]"),
        (np.array([[1, 2], [3, 4]]).T, "[[1,3],[2,4]]"),
        (np.array(["2026-01-01", "NaT"], dtype="M8[ns]"), '["2026-01-01T00:00:00",null]'),
        ([np.array(["NaT"], dtype="M8[us]"), np.datetime64("NaT", "ns")], "[[null],null]"),
        ([np.int64(1), np.float32(0.5), np.bool_(True)], "[1,0.5,true]"),
        ({"a": (2**70, -(2**64)), "b": b"x"}, '{"a":[1180591620717411303424,-18446744073709551616],"b":"x"}'),
    ],
    ids=named,
)
def test_text(value, wanted):
    """Each type has its one way to be text."""
    assert to_text(value) == wanted


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ab\ud800c", r"a lone surrogate \(U\+D800\) at position 2"),
        (b"a\xff", r"not UTF-8 text \(first at position 1\)"),
        (object(), "type object is not text"),
        ({1, 2}, "type set is not text"),
        ([object()], "type object is not text"),
        (["a\ud800"], "surrogates not allowed"),
        ([10**5000], "too many digits"),
        (CIRCLE, "cannot be written as JSON"),
        (10**5000, "too many digits"),
    ],
    ids=[
        "surrogate",
        "bytes",
        "object",
        "set",
        "in a list",
        "surrogate in a list",
        "long in a list",
        "circle",
        "long",
    ],
)
def test_no_text(value, message):
    """What cannot be text says why, where and what to do, and nothing of the content."""
    with pytest.raises(InputError, match=message) as caught:
        to_text(value)

    assert "0x" not in str(caught.value)


@pytest.mark.parametrize("write", [to_text, to_json])
def test_objects_of_other_types(write):
    """The caller may write them, also inside of lists; it does not write what has a text."""
    path = pathlib.PurePosixPath("/a")

    assert write(path, str).strip('"') == "/a"
    assert write({"b": [path, b"c"]}, str) == '{"b":["/a","c"]}'
    with pytest.raises(InputError, match="PurePosixPath is not text"):
        write([path])


def test_integers_of_frames():
    """Integers of a nullable column stay whole, and its NULLs are NULL."""
    column = pd.Series([9007199254740993, None], dtype="Int64")

    assert [to_text(cell) for cell in column] == ["9007199254740993", ""]


@given(st.text())
def test_any_text(value):
    """Text that UTF-8 can carry goes out as it is."""
    assert to_text(value) == value


@given(st.floats(allow_nan=False))
def test_any_float(value):
    """A float's text gives the float back."""
    assert float(to_text(value)) == value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        (np.float32(0.1), 0.1),
        (np.array(["2026-01-01", "NaT"], dtype="M8[ns]"), ["2026-01-01T00:00:00", None]),
        (pd.Timestamp("2026-11-20"), "2026-11-20T00:00:00"),
        (datetime.date(2026, 11, 20), "2026-11-20"),
        (np.datetime64("2026-11-20T00:00:00", "ns"), "2026-11-20T00:00:00"),
    ],
    ids=named,
)
def test_plain(value, wanted):
    """Conditions see Python's values; times are their text."""
    found = to_plain(value)

    assert found == wanted
    assert type(found) is type(wanted)


def test_light():
    """Templates and cells load neither pandas nor numpy."""
    program = (
        "import sys; from portkey_handler.prompts.template import Template, to_text;"
        "Template('{{ a }}').render({'a': 1});"
        "to_text([1.5]); print([name for name in ('pandas', 'numpy', 'portkey_ai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
