"""A frame that people see as words: what a statement has done, or what a query would cost."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..foreign_text import visible
from .estimate.estimator import Estimate
from .estimate.wording import one_line, table


class SpokenFrame(pd.DataFrame):
    """A pandas frame with its rows and columns, which is shown as words in a notebook and by `print`.

    Whatever is made of it (a copy, a selection, a sum) is a plain frame, and `to_string` shows the rows.
    """

    _metadata = ["_words", "_html"]  # noqa: RUF012 - the name and the type that pandas expects
    _words: str
    _html: str

    @classmethod
    def of(cls, frame: pd.DataFrame, words: str, as_html: str | None = None) -> SpokenFrame:
        """Return a frame with the rows of another, and words.

        Args:
            frame: The rows; they are shared.
            words: What is shown as text.
            as_html: What is shown in a notebook; None: the words.
        """
        made: SpokenFrame = cls(frame)
        made.attrs = dict(frame.attrs)
        made._words = visible(words)
        made._html = as_html or f"<p>{html.escape(made._words)}</p>"
        return made

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def __repr__(self) -> str:
        """Show the words."""
        return self._words

    def _repr_html_(self) -> str:
        """Show the words in a notebook."""
        return self._html


def done(words: str) -> pd.DataFrame:
    """Return the empty frame of a statement without rows, shown as what it has done."""
    return SpokenFrame.of(pd.DataFrame(), words)


def estimated(frame: pd.DataFrame, estimates: Sequence[Estimate]) -> pd.DataFrame:
    """Return the rows of a dry run, shown as the estimates of its queries; without any, the frame itself."""
    if not estimates:
        return frame
    return SpokenFrame.of(frame, words(estimates), "\n".join(map(_html, estimates)))


def words(estimates: Sequence[Estimate]) -> str:
    """Return the estimates of some queries as text."""
    return "\n\n".join(map(_text, estimates))


def _text(estimate: Estimate) -> str:
    facts = table(estimate)
    width = max(len(what) for what, _ in facts)
    rows = "\n".join(f"  {what:<{width}}  {' '.join(value.split())}" for what, value in facts)
    return f"{one_line(estimate)}\n{rows}"


def _html(estimate: Estimate) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(what)}</th><td>{html.escape(visible(value))}</td></tr>"
        for what, value in table(estimate)
    )
    return f"<p>{html.escape(visible(one_line(estimate)))}</p>\n<table>{rows}</table>"
