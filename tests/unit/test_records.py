"""What the rooms say to each other, and what a row is called in errors."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from portkey_handler.records import Evidence, Outcome, RowNames


def test_evidence_cannot_be_changed() -> None:
    """One object may stand in several outcomes; what is found out later makes another."""
    evidence = Evidence(status=200)
    with pytest.raises(AttributeError):
        evidence.status = 500  # type: ignore[misc]
    assert evidence._replace(cost=0.5).as_dict() == {"status": 200, "attempts": 0, "cost": 0.5}
    assert evidence.as_dict() == {"status": 200, "attempts": 0}


def test_a_row_with_nothing_to_ask_has_not_failed() -> None:
    """Both have a reason and no value."""
    nothing, failure = Outcome(reason="q is NULL"), Outcome.failure("400: no", Evidence(status=400))
    assert (nothing.failed, failure.failed) == (False, True)
    assert (failure.value, failure.reason, failure.evidence) == (None, "400: no", Evidence(status=400))


def test_rows_are_counted_from_the_first_one() -> None:
    """From 0, or from where a part of a table begins."""
    assert [RowNames().of(row) for row in (0, 7)] == [0, 7]
    assert [RowNames(first=30).of(row) for row in (0, 7)] == [30, 37]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1057, "id = 1057"),
        (pd.Series([1057]).iloc[0], "id = 1057"),
        (1.5, "id = 1.5"),
        ("A-17", "id = 'A-17'"),
        ("O'Hara", "id = 'O''Hara'"),
        (date(2026, 1, 31), "id = '2026-01-31'"),
        (pd.Timestamp("2026-01-31 10:30"), "id = '2026-01-31T10:30:00'"),
    ],
)
def test_a_column_that_tells_rows_apart_names_them(value: Any, name: str) -> None:
    """As SQL, so that it can stand in a WHERE."""
    assert RowNames(column="id", values=[None, value]).of(1) == name


@pytest.mark.parametrize("value", ["Tell me a joke.", "x" * 65, "a\tb"])
def test_what_may_be_a_prompt_is_not_said(value: str) -> None:
    """A long text, or one with blanks, is not what tells rows apart: the number has to do."""
    assert RowNames(column="id", values=[value]).of(0) == 0
