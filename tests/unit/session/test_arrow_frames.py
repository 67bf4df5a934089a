"""Frames on their way into a session."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portkey_handler.errors import InputError
from portkey_handler.prompts.cell_text import is_null, to_text
from portkey_handler.session import Session

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


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["a", b"\xff"],
            "column v, row 1: the bytes are not UTF-8 text (first at position 0); decode them in the SELECT, "
            "for example with to_base64(column) or hex(column)",
        ),
        (
            [{"a": b"\xff"}],
            "column v, row 0: the value cannot be written as JSON (the bytes are not UTF-8 text (first at "
            "position 0); decode them in the SELECT, for example with to_base64(column) or hex(column)); "
            "CAST it to text in the SELECT",
        ),
    ],
)
def test_bytes_that_are_no_text(values: list[Any], message: str) -> None:
    """They were shown with a mark in place of what was lost."""
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        selected(values)
