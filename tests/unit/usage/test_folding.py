"""Lines for people fit the terminal; programs get them as they are."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from portkey_handler.usage.folding import folded

LINE = "feeling: 70 answered, 10 of them cached, 2 with nothing to ask"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """Give a terminal of 30 columns."""
    monkeypatch.setenv("COLUMNS", "30")
    main, inside = pty.openpty()
    with os.fdopen(inside, "w") as stream:
        yield stream
    os.close(main)


def test_a_line_is_folded_between_words(terminal: TextIO) -> None:
    """No word is broken, and the rest begins where the line began."""
    assert folded(LINE, terminal).splitlines() == [
        "feeling: 70 answered, 10 of",
        "them cached, 2 with nothing to",
        "ask",
    ]
    assert folded("  " + LINE, terminal).splitlines()[1:] == ["  them cached, 2 with nothing", "  to ask"]
    assert folded(LINE, terminal, indent="    ").splitlines()[1] == "    them cached, 2 with"


def test_what_fits_stays(terminal: TextIO) -> None:
    """Short lines, their blanks, and words that are wider than the terminal, such as a path."""
    path = "/" + "a" * 40
    assert folded("SELECT  1\n        ^\n", terminal) == "SELECT  1\n        ^\n"
    assert folded(f"written to {path} now", terminal).splitlines() == ["written to", path, "now"]


def test_the_width_is_the_terminals(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment does not say it; a terminal that does not know its width folds nothing."""
    monkeypatch.delenv("COLUMNS")
    assert folded(LINE, terminal) == LINE


def test_a_pipe_gets_the_line_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that read it look for whole lines."""
    monkeypatch.setenv("COLUMNS", "30")
    assert folded(LINE, io.StringIO()) == LINE
