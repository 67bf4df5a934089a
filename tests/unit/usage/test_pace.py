"""How fast a query goes, how long it will take, and how that is written; numbers alone."""

from __future__ import annotations

import pytest

from portkey_handler.usage.formatting import counted, dollars, duration
from portkey_handler.usage.progress import Pace, Progress


def rates(told: list[tuple[float, int]], flight: int = 4) -> list[float | None]:
    """Give the rates after each of the moments: seconds, rows done."""
    pace = Pace()
    return [pace.rate(seconds, done, 0, flight) for seconds, done in told]


def test_nobody_knows_before_a_row_is_done() -> None:
    """No rate from nothing, also long after the start; with the first row there is one."""
    assert rates([(0.0, 0), (0.2, 0), (30.0, 0), (40.0, 10)]) == [None, None, None, 0.25]


def test_the_time_left_falls_where_the_speed_is_the_same() -> None:
    """Ten rows a second for a hundred seconds: the rate stays, and what is left shrinks."""
    told = [(second / 5, 2 * second) for second in range(1, 501)]
    found = rates(told)
    assert found == pytest.approx([10.0] * 500)
    left = [(1000 - done) / rate for (_, done), rate in zip(told, found, strict=True) if rate]
    assert left == sorted(left, reverse=True)
    assert left[-1] == pytest.approx(0)


def test_a_change_of_speed_is_followed() -> None:
    """After a minute at a hundred rows a second it takes little more than ten seconds to notice ten."""
    fast = [(float(second), 100 * second) for second in range(1, 61)]
    slow = [(60.0 + second, 6000 + 10 * second) for second in range(1, 13)]
    assert rates(fast + slow)[-1] == pytest.approx(10, rel=0.1)


def test_answers_that_come_a_flight_at_a_time_are_averaged() -> None:
    """Eight at once every half a minute are a steady rate, not eight in one moment and none in the next."""
    told = [(second / 2, 8 * (second // 60)) for second in range(1, 1200)]
    later = [rate for rate in rates(told, flight=8)[240:] if rate is not None]
    assert min(later) > 0.7 * 8 / 30
    assert max(later) < 1.3 * 8 / 30


def test_kept_answers_say_nothing_of_those_that_are_asked() -> None:
    """A hundred thousand kept rows in the first second do not promise the rest in the next."""
    pace = Pace()
    assert pace.rate(1.0, 100_000, 100_000, 8) == 100_000
    asked = [pace.rate(1.0 + second, 100_000 + 20 * second, 100_000, 8) for second in range(1, 10)]
    assert asked[1:] == pytest.approx([20] * 8)


def test_kept_answers_among_others_count() -> None:
    """Where every other row is kept, the speed is that of both together."""
    pace = Pace()
    told = [pace.rate(float(second), 20 * second, 10 * second, 8) for second in range(1, 100)]
    assert told == pytest.approx([20] * 99)


def test_a_long_query_costs_no_memory() -> None:
    """However long it runs and however many may be in flight, a thousand moments are remembered."""
    pace = Pace()
    for second in range(5000):
        pace.rate(float(second), second, 0, 10_000)
    assert len(pace._samples) <= 1000


def test_progress_is_one_line() -> None:
    """What is known is there, in the words of the log and the notebook; what is not is left out."""
    assert str(Progress("m", 0, 1, flight=8)) == "m: 0 of 1 row (0 %), 0 requests, 0 tokens, $0, 8 in flight"
    full = Progress(
        "m",
        1999,
        2000,
        failed=3,
        kept=1000,
        requests=1020,
        flight=64,
        reasons=[("429: slow\n down \x1b[31m " + "x" * 100, 2), ("400: no", 1)],
        tokens=123456,
        cost=0.0219,
        unpriced=1,
        rows_per_second=98.7,
        seconds_left=125.0,
    )
    assert str(full) == (
        "m: 1,999 of 2,000 rows (99 %), 99 rows/s, 1,000 cached, "
        f"3 failed (2 x 429: slow down [31m {'x' * 39}…; 1 x 400: no), 1,020 requests, 123,456 tokens, "
        "$0.022 and 1 answer without a known price, 64 in flight, about 2 min 5 s left"
    )


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "$0"),
        (0.0000123, "$0.000012"),
        (0.00456, "$0.0046"),
        (0.1, "$0.10"),
        (0.999, "$1.00"),
        (1, "$1.00"),
        (12345.678, "$12,345.68"),
    ],
)
def test_dollars_are_written_with_the_digits_that_count(amount: float, written: str) -> None:
    """Cents from a dollar on; below it as many places as it takes to see two digits."""
    assert dollars(amount) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (0.2, "1 s"), (59, "59 s"), (60, "1 min 0 s"), (3599.5, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_are_written_no_more_exactly_than_they_are_known(seconds: float, written: str) -> None:
    """Seconds, then minutes, then hours; never less than what is left."""
    assert duration(seconds) == written


def test_counts_agree_with_their_noun() -> None:
    """One row, and thousands with a comma."""
    assert (counted(1, "row"), counted(0, "row"), counted(1200, "row")) == ("1 row", "0 rows", "1,200 rows")
