"""Values for `?` and `$name`."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portkey_handler import Session
from portkey_handler.errors import StatementError
from portkey_handler.gateway.offline import OfflineProvider

EVIL = "x'; DROP TABLE t; -- `\"\\ /* ? $a */"


@pytest.fixture
def session() -> Session:
    """Return a session in memory."""
    return Session()


@pytest.mark.parametrize("value", [
    EVIL, "", "?", "$a", 0, 7, -7, 2**62, True, False, None, 1.5, -1.5, 1e22, Decimal("1.10"),
    date(2026, 1, 2), "日本 🙂",
])  # fmt: skip
def test_a_value_arrives_as_it_is(session: Session, value: Any) -> None:
    """In both ways of writing, whatever is in it."""
    for text, parameters in (("SELECT ? AS a", [value]), ("SELECT $a AS a", {"a": value})):
        found = session.sql(text, parameters)["a"][0]
        if value is None:
            assert pd.isna(found)
        else:
            assert found == value


def test_a_moment_and_a_number_of_numpy(session: Session) -> None:
    """They are what they are in Python."""
    row = session.sql("SELECT ? AS a, ? AS b", [datetime(2026, 1, 2, 3, 4, 5), np.int64(-3)]).iloc[0]
    assert (row["a"].isoformat(), row["b"]) == ("2026-01-02T03:04:05", -3)


@pytest.mark.parametrize("null", [float("nan"), Decimal("NaN"), pd.NaT, pd.NA, np.datetime64("NaT")])
def test_what_is_null_in_a_frame_is_null(session: Session, null: Any) -> None:
    """The same values as in a cell."""
    assert session.sql("SELECT ? IS NULL AS a", [null])["a"].tolist() == [True]


def test_a_time_zone_is_kept(session: Session) -> None:
    """It is one moment, however it is written."""
    moment = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert session.sql("SELECT ? AS a", [moment])["a"][0] == moment


@pytest.mark.parametrize("number", [10**38 - 1, 1 - 10**38, Decimal("-1E-38"), Decimal("1E+5")])
def test_every_digit_of_a_number_is_kept(session: Session, number: Any) -> None:
    """Up to the 38 of DuckDB's widest number."""
    assert session.sql("SELECT ? AS a", [number])["a"][0] == number


def test_infinity(session: Session) -> None:
    """A float that has no digits."""
    assert session.sql("SELECT ? AS a, ? AS b", [math.inf, -math.inf]).iloc[0].tolist() == [
        math.inf,
        -math.inf,
    ]


def test_marks_in_texts_and_comments_are_no_parameters(session: Session) -> None:
    """Neither in quotes, nor in names, nor in comments."""
    text = "SELECT '?' AS a, ? AS `b?` -- ?\n, 1 /* ? */ AS c"
    assert session.sql(text, [2]).to_dict("records") == [{"a": "?", "b?": 2, "c": 1}]


def test_a_number_may_stand_in_limit(session: Session) -> None:
    """As in other databases."""
    text = "SELECT * FROM (SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3) AS t LIMIT ?"
    assert len(session.sql(text, [2])) == len(session.sql(text, [np.int64(2)])) == 2


def test_several_statements_share_the_values(session: Session) -> None:
    """In their order, or by name as often as wanted."""
    assert session.sql("SELECT ?; SELECT ? AS b", [1, 2])["b"].tolist() == [2]
    assert session.sql("SELECT $a; SELECT $a + 1 AS b", {"a": 1})["b"].tolist() == [2]


def test_in_using(session: Session, provider: OfflineProvider) -> None:
    """Options take them, too, and a key in them is not shown."""
    session.sql(
        "CREATE ML_ENGINE e FROM portkey USING base_url = $url, check = false, portkey_api_key = $key",
        {"url": provider.base_url, "key": "pk-canary"},
    )
    session.sql("CREATE MODEL m PREDICT a USING engine = 'e', model = $m, column = 'q'", {"m": EVIL})
    assert session.sql("SELECT a FROM m WHERE q = ?", [EVIL])["a"].notna().all()
    assert "pk-canary" not in session.sql("SHOW ML_ENGINES").to_string()


@pytest.mark.parametrize(("text", "parameters", "message"), [
    ("SELECT ?, ?", [1], "the statement has more ? than the 1 values given"),
    ("SELECT ?", [1, 2], "2 parameters were given, and the statement has 1 ?"),
    ("SELECT $rows", {"row": 1}, "the parameter $rows has no value, did you mean 'row'?"),
    ("SELECT $rows + 1 AS a LIMIT $rows", None,
     'the parameter $rows has no value; give one: --var rows=VALUE on the command line, {"rows": value} in Python'),
    ("SELECT 1", {"b": 1}, "1 parameters were given, and the statement has no $b"),
    ("SELECT ?", [b"x"],
     "the parameter number 1 is of type bytes; give a text, a number, True, False, None, a date or a time"),
    ("SELECT ?", [np.array([1, 2])],
     "the parameter number 1 is of type list; give a text, a number, True, False, None, a date or a time"),
    ("SELECT ?", [10**38], "the parameter number 1 is a number of more than 38 digits; give it as a text"),
    ("SELECT ?", [Decimal("1E-39")],
     "the parameter number 1 is a number of more than 38 digits; give it as a text"),
    ("SELECT $t", {"t": time(1, tzinfo=timezone.utc)},
     "the parameter $t is a time with a time zone; give it without one, or give a datetime"),
    ("SELECT ?", [pd.Timestamp("2026-01-01 00:00:00.123456789")],
     "the parameter number 1 is a time with nanoseconds; round it to microseconds"),
    ("SELECT ?", "x", "parameters are a list for ?, or a dict for $name"),
])  # fmt: skip
def test_what_cannot_be_bound(session: Session, text: str, parameters: Any, message: str) -> None:
    """One line says what and how to mend it, without any value."""
    with pytest.raises(StatementError) as caught:
        session.sql(text, parameters)
    assert str(caught.value) == message


@pytest.mark.parametrize("statement", [None, b"SELECT 1", 5])
def test_a_statement_is_a_text(session: Session, statement: Any) -> None:
    """Anything else is an error of ours, in each way to run it."""
    for run in (session.sql, lambda text: list(session.run(text)), lambda text: list(session.results(text))):
        with pytest.raises(StatementError) as caught:
            run(statement)
        assert str(caught.value) == f"a statement is a text, not {type(statement).__name__}"
