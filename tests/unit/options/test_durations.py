"""Durations as options and as providers write them."""

from __future__ import annotations

import pytest

from portkey_handler.options.durations import as_duration, read_duration, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("24h", 86_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1h30m", 5_400),
        ("0.5h", 1_800),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1m20.5s", 80.5),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Parts are added."""
    assert read_duration(text) == pytest.approx(seconds)
    assert seconds_of(text) == read_duration(text)


@pytest.mark.parametrize("text", ["", "24", "h", "24 h", "-1h", "1h!", "1H", "1e3s", "1y"])
def test_no_durations(text: str) -> None:
    """A number alone has no unit, and nothing is passed over."""
    assert read_duration(text) is None
    with pytest.raises(ValueError, match=r"^expected a duration such as '30m', '24h' or '7d', or 'never'$"):
        seconds_of(text)


def test_an_option_is_read_in_any_case_and_with_blanks() -> None:
    """`never` is one, too; a number is none."""
    assert as_duration(" 1 H 30m ") == "1h30m"
    assert as_duration("Never") == "never"
    assert seconds_of("never") == 0
    with pytest.raises(ValueError, match="expected a duration"):
        as_duration(24)
