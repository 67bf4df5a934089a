"""The types of a CSV's columns: those that keep every digit.

DuckDB answers, in one pass over the file, whether all cells of a column are of a type. A sample tells which
type to ask about, so that a column of texts costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .relation import identifier, text

Fetch = Callable[[str], list[tuple[object, ...]]]

#: The digits that every DOUBLE keeps, those of a DECIMAL of 64 bits, and those of the widest DECIMAL.
_DOUBLE, _SHORT, _LONG = 15, 18, 38
#: Rows of the sample.
_SAMPLE = 1000

_WHOLE = "-?(0|[1-9][0-9]*)"
_DECIMAL = rf"{_WHOLE}(\.[0-9]+)?"
_ANY_DECIMAL = r"[-+]?[0-9]*\.?[0-9]+"
_FLOAT = rf"{_WHOLE}(\.[0-9]+([eE][-+]?[0-9]+)?)?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = rf"{_DATE}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?"
_BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")
#: What to ask about a column whose sample matches, in this order. `007` and `12E4` are no numbers.
_LOOKS = (
    ("BIGINT", re.compile(_WHOLE)),
    ("DECIMAL", re.compile(_FLOAT)),
    ("BOOLEAN", re.compile("|".join(_BOOLEANS))),
    ("DATE", re.compile(_DATE)),
    ("TIMESTAMP", re.compile(_TIMESTAMP)),
)
#: The types that a user can say.
SAID = {
    "text": "VARCHAR", "integer": "BIGINT", "decimal": "DECIMAL", "float": "DOUBLE", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip


@dataclass(frozen=True)
class Typed:
    """The type of a column.

    Attributes:
        kind: DuckDB's type.
        is_exact: Whether the text of a value is the cell's own.
        is_empty: Whether every cell is NULL.
    """

    kind: str
    is_exact: bool = False
    is_empty: bool = False


def types_of(
    source: str, columns: Sequence[str], fetch: Fetch, said: Mapping[str, str], names: Sequence[str]
) -> list[Typed]:
    """Return the type of each column.

    Args:
        source: What stands behind FROM; its columns are texts.
        columns: Its columns.
        fetch: Returns the rows of a query.
        said: Types that the user has named, by the lower-case name of a column.
        names: The names of the columns for the user.

    Raises:
        QueryError: DuckDB cannot read the source.
        ValueError: A cell is not of the type that the user has named.
    """
    shown = ", ".join(map(identifier, columns))
    sample = fetch(f"SELECT {shown} FROM {source} LIMIT {_SAMPLE}")
    guesses = [_guess([row[position] for row in sample]) for position in range(len(columns))]
    for position, (column, guess) in enumerate(zip(columns, guesses, strict=True)):
        if guess is None and len(sample) == _SAMPLE:  # no cell among the first rows
            quoted = identifier(column)
            later = f"SELECT {quoted} FROM {source} WHERE {quoted} IS NOT NULL LIMIT {_SAMPLE}"
            guesses[position] = _guess([cell for (cell,) in fetch(later)])
    wanted = [
        SAID[said[name.lower()]] if name.lower() in said else guess
        for name, guess in zip(names, guesses, strict=True)
    ]
    found = _checked(source, dict(zip(columns, wanted, strict=True)), fetch)
    return [
        _said(source, column, name, said[name.lower()], typed, fetch) if name.lower() in said else typed
        for column, name, typed in zip(columns, names, found, strict=True)
    ]


def _guess(cells: Sequence[object]) -> str | None:
    """Return the type to ask about; None where there are no cells."""
    present = [str(cell) for cell in cells if cell is not None]
    if not present:
        return None
    for kind, pattern in _LOOKS:
        if all(
            pattern.fullmatch(cell.strip() if kind in ("BIGINT", "DECIMAL") else cell) for cell in present
        ):
            return kind
    return "VARCHAR"


def _checked(source: str, wanted: Mapping[str, str | None], fetch: Fetch) -> list[Typed]:
    """Return the types that all cells have."""
    asked = {
        "BIGINT": lambda c: [_count(f"CAST(TRY_CAST({c} AS BIGINT) AS VARCHAR) IS DISTINCT FROM {c}")],
        "DECIMAL": lambda c: [_count(f"NOT {_is(c, _DECIMAL)}"), _places(c), f"max(length({c}))"],
        "BOOLEAN": lambda c: [_count(f"{c} NOT IN ({', '.join(map(text, _BOOLEANS))})")],
        "DATE": lambda c: [_count(f"CAST(TRY_CAST({c} AS DATE) AS VARCHAR) IS DISTINCT FROM {c}")],
        "TIMESTAMP": lambda c: [
            _count(f"NOT {_is(c, _TIMESTAMP)} OR {c} IS NOT NULL AND TRY_CAST({c} AS TIMESTAMP) IS NULL")
        ],
    }
    questions = [asked[kind](identifier(column)) if kind in asked else [] for column, kind in wanted.items()]
    flat = [part for parts in questions for part in parts]
    # count(*) reads the whole file, so that a fault in it is found now.
    answers = iter(fetch(f"SELECT {', '.join(['count(*)', *flat])} FROM {source}")[0][1:])
    found = []
    for (column, kind), parts in zip(wanted.items(), questions, strict=True):
        got = [next(answers) for _ in parts]
        if kind == "BIGINT" and got[0]:
            found.append(_number(source, column, fetch))
        elif kind == "DECIMAL":
            others, places, length = (int(str(one or 0)) for one in got)
            is_short = not others and places and length + places <= _SHORT
            found.append(Typed(f"DECIMAL({_SHORT},{places})") if is_short else _number(source, column, fetch))
        elif kind is None:
            found.append(Typed("VARCHAR", is_exact=True, is_empty=True))
        elif kind not in asked or got[0]:
            found.append(Typed("VARCHAR", is_exact=True))
        else:
            found.append(Typed(kind, is_exact=kind in ("BIGINT", "DATE")))
    return found


def _places(cell: str) -> str:
    """Return the question about the places behind the point."""
    return f"max(CASE WHEN strpos({cell}, '.') > 0 THEN length({cell}) - strpos({cell}, '.') ELSE 0 END)"


def _digits(source: str, column: str, fetch: Fetch) -> tuple[int, int, int]:
    """Return how many cells are no decimals, the places behind the point, and the digits before it."""
    cell = f"ltrim(trim({identifier(column)}), '-')"
    point = f"strpos({cell}, '.')"
    whole = f"max(CASE WHEN {point} > 0 THEN {point} - 1 ELSE length({cell}) END)"
    others = _count(f"NOT {_is(f'trim({identifier(column)})', _DECIMAL)}")
    found = fetch(_select(source, [others, _places(cell), whole]))[0]
    others_, places, digits = (int(str(one or 0)) for one in found)
    return others_, places, digits


def _number(source: str, column: str, fetch: Fetch) -> Typed:
    """Return the type of numbers: a DECIMAL, a DOUBLE where that keeps every digit, or text."""
    others, scale, whole = _digits(source, column, fetch)
    if not others and scale and whole + scale <= _SHORT:
        return Typed(f"DECIMAL({_SHORT},{scale})")
    quoted = identifier(column)
    cell = f"trim({quoted})"
    if not others and not scale:  # whole numbers with blanks around them, or of more than 64 bits
        other = _count(f"CAST(TRY_CAST({cell} AS BIGINT) AS VARCHAR) IS DISTINCT FROM {cell}")
        return Typed("VARCHAR", is_exact=True) if fetch(_select(source, [other]))[0][0] else Typed("BIGINT")
    double = f"TRY_CAST({cell} AS DOUBLE)"
    significant = f"length(ltrim(regexp_replace({cell}, '[eE].*$|[-.]', '', 'g'), '0'))"
    is_kept = f"{significant} <= {_DOUBLE}"
    if not others and 0 < scale <= _LONG and whole + scale <= _LONG:
        exact = f"DECIMAL({_LONG},{scale})"
        is_kept += f" OR TRY_CAST(CAST({double} AS VARCHAR) AS {exact}) = TRY_CAST({cell} AS {exact})"
    fits = f"{_is(cell, _FLOAT)} AND {double} IS NOT NULL AND NOT isinf({double}) AND ({is_kept})"
    lost = _count(f"{cell} IS NOT NULL AND NOT ({fits})")
    if not fetch(_select(source, [lost]))[0][0]:
        return Typed("DOUBLE")
    if not others and whole + scale <= _LONG:
        return Typed(f"DECIMAL({_LONG},{scale})")
    return Typed("VARCHAR", is_exact=True)


def _said(source: str, column: str, name: str, said: str, typed: Typed, fetch: Fetch) -> Typed:
    """Return the type that the user has named; every cell has to fit."""
    if said == "text":
        return Typed("VARCHAR", is_exact=True)
    quoted = identifier(column)
    kind = SAID[said]
    cell = f"trim({quoted})"
    fits = f"TRY_CAST({cell} AS {kind}) IS NOT NULL"
    if said == "decimal":
        _, scale, whole = _digits(source, column, fetch)
        width = _SHORT if whole + scale <= _SHORT else _LONG
        kind = f"DECIMAL({width},{min(scale, width)})"
        fits = f"{_is(cell, _ANY_DECIMAL)} AND TRY_CAST({cell} AS {kind}) IS NOT NULL"
    elif said == "integer":
        fits = f"{_is(cell, '[-+]?[0-9]+')} AND {fits}"
        if fetch(_select(source, [_count(f"{quoted} IS NOT NULL AND NOT ({fits})")]))[0][0]:
            kind = "HUGEINT"
            fits = f"{_is(cell, '[-+]?[0-9]+')} AND TRY_CAST({cell} AS {kind}) IS NOT NULL"
    wrong = fetch(
        f"SELECT n FROM (SELECT row_number() OVER () AS n, {quoted} FROM {source}) AS r "
        f"WHERE {quoted} IS NOT NULL AND NOT ({fits}) LIMIT 1"
    )
    if wrong:
        raise ValueError(
            f"the cell of column {name} in row {wrong[0][0]} is not of the type {said}, which is said for "
            "it; correct the cell, or say the type text"
        )
    return Typed(kind, is_empty=typed.is_empty)


def _is(cell: str, pattern: str) -> str:
    return f"regexp_full_match({cell}, {text(pattern)})"


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _select(source: str, parts: Sequence[str]) -> str:
    return f"SELECT {', '.join(parts)} FROM {source}"
