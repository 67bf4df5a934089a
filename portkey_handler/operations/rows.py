"""Read rows as Python values and as texts: find the column of the prompt, and skip rows without text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import MOST_SHOWN, InputError, did_you_mean, listed
from ..prompts.cell_text import is_null, to_text
from ..prompts.template import Template
from ..records import ADDED_BY_MODELS, Skipped

if TYPE_CHECKING:
    import pandas as pd

_OWN_SUFFIXES = ("_error", "_evidence", "_explain")

Made = TypeVar("Made")


def named_column(frame: pd.DataFrame, column: str, option: str = "column") -> str:
    """Return the column that an option names; upper and lower case may differ if one column fits.

    Raises:
        InputError: The frame lacks the column.
    """
    names = [str(name) for name in frame.columns]
    if column in names:
        return column
    folded = [name for name in names if name.lower() == column.lower()]
    if len(folded) == 1:
        return folded[0]
    if several := of_several_tables(column, names):
        raise InputError(
            f"{option} = '{column}' is a column of several tables: {', '.join(several)}; say which one: "
            f"{option} = '{several[0]}'"
        )
    raise InputError(
        f"{option} = '{column}' is not among the rows' columns{did_you_mean(column, names)}; they "
        f"{listed(names)}"
    )


def of_several_tables(column: str, names: Sequence[str]) -> list[str]:
    """Return the columns of that name where several tables of a JOIN have one: a.text, b.text."""
    found = [name for name in names if name.lower().endswith(f".{column.lower()}")]
    return found if len(found) > 1 else []


def prompt_column(frame: pd.DataFrame, column: str | None, target: str, besides: Sequence[str] = ()) -> str:
    """Return the column that holds the prompt.

    Args:
        frame: The rows.
        column: The option `column`, or None to choose the column from the frame.
        target: The column of the answers; never the prompt.
        besides: Other columns that do not hold the prompt.

    Raises:
        InputError: The frame lacks the column; or no column, or more than one, could hold the prompt.
    """
    if column is not None:
        return named_column(frame, column)
    own = [name for name in own_columns(frame, target) if name not in besides]
    # If the host does not say which columns other models added, their companion columns show it.
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
    shown = ", ".join(candidates[:MOST_SHOWN])
    raise InputError(
        f"which column holds the prompt: {shown}? Say column = '{candidates[0]}', or join them by "
        f"prompt_template = '… {{{{{candidates[0]}}}}} … {{{{{candidates[1]}}}}}', in CREATE MODEL or "
        "SELECT … USING"
    )


def own_columns(frame: pd.DataFrame, target: str) -> list[str]:
    """Return the columns of the data: without those of the host, the target, and those of other models."""
    added = set(frame.attrs.get(ADDED_BY_MODELS, ()))
    return [
        name
        for name in map(str, frame.columns)
        if not name.startswith("__") and name.lower() != target.lower() and name not in added
    ]


def column_texts(frame: pd.DataFrame, column: str) -> Iterator[str | Skipped]:
    """Yield the text of each cell of a column, or the reason why there is none."""
    for cell in cells(frame, column):
        if is_null(cell):
            yield Skipped(f"nothing to ask: {column} is NULL")
            continue
        try:
            text = to_text(cell)
        except InputError as error:
            yield Skipped(f"{column}: {error}", failed=True)
            continue
        yield text if text.strip() else Skipped(f"nothing to ask: {column} is blank")


def template_texts(frame: pd.DataFrame, prompt: Template) -> Iterator[str | Skipped]:
    """Yield the text of a template for each row, or the reason why there is none."""
    asks = prompt.columns if prompt.is_plain else ()
    for text in made_of_rows(frame, prompt.columns, asks, prompt.render):
        if isinstance(text, str) and not text.strip():
            yield Skipped("nothing to ask: the prompt is blank")
        else:
            yield text


def made_of_rows(
    frame: pd.DataFrame, columns: Sequence[str], asks: Sequence[str], make: Callable[[dict[str, Any]], Made]
) -> Iterator[Made | Skipped]:
    """Yield the result of `make` for each row, or the reason why the row is skipped.

    Args:
        frame: The rows.
        columns: The columns that `make` needs; columns that the frame lacks are left out.
        asks: The columns of the question; a row is skipped if all of them are NULL or blank.
        make: Called with the cells by column name; an `InputError` fails the row.
    """
    there = {str(name) for name in frame.columns}
    used = [name for name in columns if name in there]
    for row in zip(*(cells(frame, name) for name in used), strict=True) if used else [()] * len(frame):
        values = dict(zip(used, row, strict=True))
        if asks and all(_is_blank(values[name]) for name in asks):
            verb = "is" if len(asks) == 1 else "are"
            yield Skipped(f"nothing to ask: {', '.join(asks)} {verb} NULL or blank")
            continue
        try:
            yield make(values)
        except InputError as error:
            yield Skipped(str(error), failed=True)


def _is_blank(cell: Any) -> bool:
    return is_null(cell) or (isinstance(cell, str) and not cell.strip())


def cells(frame: pd.DataFrame, name: str) -> Iterator[Any]:
    """Return an iterator over the cells of a column as Python values.

    Whole numbers stay whole: pandas turns integers with NULLs into floats, and 3.0 in such a column becomes 3
    again. A column with a fraction anywhere stays as it is.

    Raises:
        InputError: Several columns have that name.
    """
    # By position, because a label need not be text.
    places = [place for place, label in enumerate(frame.columns) if str(label) == name]
    if len(places) > 1:
        raise InputError(f"{len(places)} columns of the rows are called '{name}'; rename all but one by AS")
    column = frame.iloc[:, places[0]]
    if _was_whole(column):
        return (None if is_null(cell) else int(cell) for cell in column)
    return iter(_with_short_floats(column))


def _with_short_floats(column: pd.Series[Any]) -> Iterable[Any]:
    """Return the cells of a column; 19.99 of 32 or 16 bits stays 19.99, and is not 19.989999771118164."""
    kind: Any = column.dtype
    if kind.kind != "f" or getattr(kind, "itemsize", 8) == 8:
        return column
    return column.to_numpy(dtype=f"float{8 * kind.itemsize}", na_value=float("nan"))


def _was_whole(column: pd.Series[Any]) -> bool:
    """Return whether a column had whole numbers before NULLs turned them into floats."""
    import pandas as pd

    # MindsDB passes columns as objects; pandas calls [4.0, None] "mixed-integer-float".
    floats = ("floating", "mixed-integer-float")
    if column.dtype.kind != "f" and pd.api.types.infer_dtype(column, skipna=True) not in floats:
        return False
    known = column.dropna().astype("float64")
    # Above 2⁵³ a float is not exact.
    return len(known) < len(column) and bool(((known % 1 == 0) & (known.abs() <= 2**53)).all())
