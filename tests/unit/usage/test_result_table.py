"""Results for people: a table where it fits, else records; short numbers and texts, unless --wide."""

from __future__ import annotations

import pytest

from portkey_handler.usage.result_table import print_table


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(
    capsys: pytest.CaptureFixture[str], names: list[str], rows: list[list[object]], **how: object
) -> str:
    """Return what is written to stdout."""
    print_table(names, rows, len(rows), **how)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_numbers_and_texts_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Six digits, or all before the point; 400 characters and the length; --wide has all."""
    row: list[object] = [0.1 + 0.2, "x" * 500]
    text = shown(capsys, ["n", "t"], [row])
    assert "│ 0.3 │" in text
    assert (
        "… (500 characters)" in "".join(text.split("│")).replace("\n", "").replace("  ", "") or "(500" in text
    )
    wide = shown(capsys, ["n", "t"], [row], wide=True)
    assert "0.30000000000000004" in wide
    assert "x" * 500 in wide


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1234567.0, "1234567"),
        (1234567.891, "1234567.89"),
        (-98765432.5, "-98765432.5"),
        (1 / 3, "0.333333"),
        (1e-7, "1e-07"),
        (123456789012345.0, "123456789012345"),
        (6.02214076e23, "6.02214076e+23"),
        (float("inf"), "inf"),
    ],
)
def test_no_digit_before_the_point_is_lost(
    number: float, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column of ids with a NULL in it, or a sum of money, is a float."""
    assert f"│ {text} " in shown(capsys, ["n"], [[number]])


def test_a_table_that_does_not_fit_is_records(capsys: pytest.CaptureFixture[str]) -> None:
    """Name by name, as psql does; a table that fits stays one."""
    names = [f"column_{number}" for number in range(8)]
    rows: list[list[object]] = [["value " * 3] * 8, [None] * 8]
    text = shown(capsys, names, rows, layout="auto")
    lines = text.splitlines()
    assert lines[0].startswith("-[ 1 ]-")
    assert lines[1] == "column_0 | value value value "
    assert lines[10] == "column_0 | NULL"
    assert "┃ a " in shown(capsys, ["a", "b"], [[1, 2]], layout="auto")


def test_lines_and_wide_signs_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks continue below the bar; signs of East Asia count as two."""
    text = shown(capsys, ["名前", "b"], [["one\ntwo", "軽い"]], layout="records")
    assert text.splitlines()[1:] == ["名前 | one", "     | two", "b    | 軽い"]
