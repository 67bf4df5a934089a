"""Which column holds the prompt, and its cells as Python values."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..cells import is_null
from ..errors import InputError
from ..exchange import ADDED_BY_MODELS

if TYPE_CHECKING:
    import pandas as pd

_OWN_SUFFIXES = ("_error", "_evidence", "_explain")
_MOST_NAMES_SHOWN = 20


def prompt_column(frame: pd.DataFrame, column: str | None, target: str) -> str:
    """Find the column that holds the prompt.

    Args:
        frame: The rows.
        column: The option `column`, or None where the frame is to tell.
        target: The column that answers go into; never the prompt.

    Raises:
        InputError: The frame lacks the column, or has none or several that it could be.
    """
    names = [str(name) for name in frame.columns]
    if column is not None:
        if column in names:
            return column
        folded = [name for name in names if name.lower() == column.lower()]
        if len(folded) == 1:
            return folded[0]
        raise InputError(
            f"column = '{column}' is not among the rows' columns{did_you_mean(column, names)}; "
            f"{listed(names)}"
        )
    added = set(frame.attrs.get(ADDED_BY_MODELS, ()))
    own = [
        name
        for name in names
        if not name.startswith("__") and name.lower() != target.lower() and name not in added
    ]
    # Where the host does not say it, another model's answer is known by the columns that come with it.
    beside = {
        part
        for name in own
        for suffix in _OWN_SUFFIXES
        if name.endswith(suffix) and name.removesuffix(suffix) in own
        for part in (name, name.removesuffix(suffix))
    }
    candidates = [name for name in own if name not in beside] or own
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise InputError(
            "the rows have no column that could hold the prompt: select one beside the model, or say "
            "WHERE question = '…'"
        )
    shown = ", ".join(candidates[:_MOST_NAMES_SHOWN])
    raise InputError(
        f"which column holds the prompt: {shown}? Say column = '{candidates[0]}', or join them by "
        f"prompt_template = '… {{{{{candidates[0]}}}}} … {{{{{candidates[1]}}}}}', in CREATE MODEL or "
        "SELECT … USING"
    )


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Name the closest of `names`, as the end of a sentence, or nothing where none is close."""
    folded = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f"; did you mean '{folded[close[0]]}'?" if close else ""


def listed(names: Sequence[str]) -> str:
    """List the columns there are, cut where there are many."""
    names = [name for name in names if not name.startswith("__")]  # the host's own
    if not names:
        return "they have no columns"
    more = len(names) - _MOST_NAMES_SHOWN
    shown = ", ".join(names[:_MOST_NAMES_SHOWN])
    return f"they have {shown}" + (f" and {more} more" if more > 0 else "")


def cells(frame: pd.DataFrame, name: str) -> Iterator[Any]:
    """Give a column's cells as Python values, pulled one by one.

    Whole numbers stay whole: a column of integers that has NULLs arrives from pandas as floats, and 3.0 in it
    is 3. A column of floats with a fraction anywhere is left as it is.

    Raises:
        InputError: Several columns have that name.
    """
    # By position: a label of Python's need not be text.
    places = [place for place, label in enumerate(frame.columns) if str(label) == name]
    if len(places) > 1:
        raise InputError(f"{len(places)} columns of the rows are called '{name}'; rename all but one by AS")
    column = frame.iloc[:, places[0]]
    return (None if is_null(cell) else int(cell) for cell in column) if _was_whole(column) else iter(column)


def _was_whole(column: pd.Series[Any]) -> bool:
    """Say whether a column of floats held whole numbers before NULLs made floats of them."""
    import pandas as pd

    # MindsDB hands its columns over as objects; "mixed-integer-float" is what pandas calls [4.0, None].
    floats = ("floating", "mixed-integer-float")
    if column.dtype.kind != "f" and pd.api.types.infer_dtype(column, skipna=True) not in floats:
        return False
    known = column.dropna().astype("float64")
    # Beyond 2⁵³ a float does not tell which whole number it was.
    return len(known) < len(column) and bool(((known % 1 == 0) & (known.abs() <= 2**53)).all())
