"""Send rows to models and join the answers to the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlglot import exp

from ..errors import NotFoundError, PortkeyHandlerError, StatementError
from ..records import ADDED_BY_MODELS, NOT_ASKED, PLANNED, ROW_NUMBERS
from .arrow_frames import from_frame
from .duckdb_connection import Database
from .result_frames import to_frame
from .scratch import Scratch
from .sql.expressions import aliased
from .sql.plan import ROW, Plan, Question
from .table import Table

_ROW_ID = "__mindsdb_row_id"


#: A column of the rows: the names that may stand before it, its name in lower case, its name for models.
_Known = tuple[Any, str, str]
#: The answers of models, by their position in the question.
Answers = Mapping[int, pd.DataFrame]
#: Returns the places of the rows that the next model is asked about, or None for all, from the answers so far
#: and the places of the rows that they belong to.
Needed = Callable[[Answers, Sequence[int]], "list[int] | None"]


def all_rows(_answers: Answers, _rows: Sequence[int]) -> None:
    """Say that the next model is asked about all rows."""


def asked(
    question: Question,
    handlers: Sequence[Any],
    data: pd.DataFrame,
    inputs: Sequence[Mapping[str, Any]],
    needed: Needed = all_rows,
    *,
    order: Sequence[int] | None = None,
    numbers: Sequence[int] | None = None,
    before: Answers | None = None,
    planned: Mapping[int, str] | None = None,
) -> tuple[dict[int, pd.DataFrame], Sequence[int]]:
    """Ask one model after the other; each gets the answers of those before it in the statement.

    The answers of those behind it are kept from it, also where they are there already: it would get another
    prompt, by `is defined`, than the statement says.

    Args:
        question: The query.
        handlers: The handler of each model.
        data: The rows.
        inputs: The constants of each model.
        needed: Says which rows the next model is asked about.
        order: The models in the order in which they are asked; by default that of the statement.
        numbers: The numbers of the rows in errors, where the data is a part of a table.
        before: The answers of models that were asked about these rows before.
        planned: How the rows of models are chosen, in words.

    Returns:
        The answers of each model, and the places in `data` of the rows that they belong to.
    """
    seen = data.copy(deep=False)
    rows: Sequence[int] = range(len(seen))
    known = [
        (column.paths, column.name.lower(), name)
        for column, name in zip(question.data, question.visible_names(), strict=True)
    ]
    answers: dict[int, pd.DataFrame] = {}
    added: list[tuple[int, str]] = []

    def add(number: int, answer: pd.DataFrame) -> None:
        model = question.models[number]
        answers[number] = answer
        for name, value in inputs[number].items():
            if name not in seen.columns:
                seen[name] = pd.Series(
                    [value] * len(seen), index=seen.index, dtype=None if len(seen) else object
                )
        for name in answer.columns:
            # A column of the tables keeps its name; where several have it, no answer takes it either.
            taken = name in seen.columns or sum(column == name.lower() for _, column, _ in known) > 1
            visible = f"{model.alias}.{name}" if taken else name
            seen[visible] = answer[name]
            added.append((number, visible))
            known.append((model.paths, name.lower(), visible))

    for number, answer in (before or {}).items():
        add(number, answer)
    order = range(len(handlers)) if order is None else order
    for number in order:
        model = question.models[number]
        behind = [name for owner, name in added if owner > number]
        frame = _sent(
            seen.drop(columns=behind) if behind else seen, inputs[number], question.renames[number], known
        )
        frame.attrs[ADDED_BY_MODELS] = [name for owner, name in added if owner < number]
        frame.attrs[PLANNED] = (planned or {}).get(number, "")
        if numbers is not None or len(rows) < len(data):
            frame.attrs[ROW_NUMBERS] = rows if numbers is None else [numbers[row] for row in rows]
        options = dict(model.using)
        args = {"pred_format": "dict", "predict_params": options, "using": dict(options)}
        answer = _aligned(handlers[number].predict(frame, args), frame, model.alias)
        add(number, answer)
        if number != order[-1] and not answer.attrs.get(NOT_ASKED):
            places = needed(answers, rows)
            if places is not None and len(places) < len(rows):
                seen = seen.take(places)
                answers = {one: found.take(places) for one, found in answers.items()}
                rows = [rows[place] for place in places]
    return answers, rows


def _sent(
    seen: pd.DataFrame, constants: Mapping[str, Any], renames: Mapping[str, Any], known: Sequence[_Known]
) -> pd.DataFrame:
    """Return the rows as one model gets them: under the names of ON, with its constants."""
    frame = _renamed(seen, renames, known)
    for name, value in constants.items():
        frame = frame.drop(columns=[column for column in frame.columns if column.lower() == name.lower()])
        frame[name] = pd.Series([value] * len(frame), index=frame.index, dtype=None if len(frame) else object)
    frame[_ROW_ID] = range(len(frame))
    return frame


def _renamed(frame: pd.DataFrame, renames: Mapping[str, Any], known: Sequence[_Known]) -> pd.DataFrame:
    result: pd.DataFrame = frame.copy(deep=False)
    for new, identifier in renames.items():
        qualifier = tuple(str(part).lower() for part in identifier.parts[:-1])
        name = str(identifier.parts[-1]).lower()
        found = [
            visible
            for owners, column, visible in known
            if column == name and (not qualifier or qualifier in owners)
        ]
        if not found:
            shown = ".".join(str(part) for part in identifier.parts)
            names = ", ".join(visible for _, _, visible in known)
            raise NotFoundError(f"the column {shown} does not exist; there are: {names}")
        if len(found) > 1 and not qualifier:
            raise StatementError(
                f"ON: {name} is a column of several tables: {', '.join(found)}; write which one is meant"
            )
        if found[0] != new:
            result = result.drop(columns=[new], errors="ignore").rename(columns={found[0]: new})
    return result


def _aligned(answer: pd.DataFrame, frame: pd.DataFrame, alias: str) -> pd.DataFrame:
    if not answer.index.equals(frame.index):
        if len(answer) != len(frame) or not answer.index.is_unique:
            raise PortkeyHandlerError(f"the handler of {alias} gave {len(answer)} rows for {len(frame)}")
        answer = answer.reindex(frame.index)
    found: pd.DataFrame = answer.drop(columns=[_ROW_ID], errors="ignore")
    return found


def seen(question: Question, data: Table) -> pd.DataFrame:
    """Return the data with the column names that models get."""
    if not question.early:
        found: pd.DataFrame = pd.DataFrame(index=pd.RangeIndex(data.arrow.num_rows))
        return found
    return to_frame(data.renamed(question.visible_names()), for_prompts=True)


def inputs(question: Question, plan: Plan) -> list[dict[str, Any]]:
    """Return the constants of each model that are not columns of its own."""
    kept = {(known.owner, known.name) for known in plan.columns if known.kind == "input"}
    return [
        {name: value for name, (value, _) in found.items() if (number, name) in kept}
        for number, found in enumerate(question.constants)
    ]


def together(question: Question, plan: Plan, data: Table, answers: Answers) -> Table:
    """Return data, constants and answers side by side, by private names, with the number of the row.

    The columns of models that have not answered are left out.
    """
    rows = data.arrow.num_rows
    arrays: list[Any] = []
    names: list[str] = []
    as_json: set[int] = set()
    found = {number: from_frame(answer) for number, answer in answers.items()}
    places = dict.fromkeys(answers, 0)
    position = 0
    for known in plan.columns:
        if known.kind == "data":
            array, is_json = data.arrow.column(position), position in data.json
            position += 1
        elif known.kind == "input":
            value = question.constants[known.owner][known.name][0]
            array, is_json = pa.array([value] * rows, pa.string() if value is None else None), False
        elif known.owner not in found:
            continue
        else:
            place = places[known.owner]
            places[known.owner] += 1
            array, is_json = found[known.owner].arrow.column(place), place in found[known.owner].json
        if is_json:
            as_json.add(len(arrays))
        arrays.append(array)
        names.append(known.private)
    arrays.append(pa.array(range(rows), pa.int64()))
    return Table(pa.Table.from_arrays(arrays, names=[*names, ROW]), frozenset(as_json))


def first(series: Any) -> Any:
    """Return one column in Arrow's form."""
    return from_frame(series.to_frame()).arrow.column(0)


def check_final(
    plan: Plan, empty: pd.DataFrame, outputs: Sequence[pd.DataFrame], database: Database, scratch: Scratch
) -> None:
    """Check the last query of a plan in DuckDB, before anything is paid for.

    Raises:
        StatementError: DuckDB refuses it.
    """
    columns = {}
    answers = iter([output.iloc[:, place] for output in outputs for place in range(output.shape[1])])
    given = iter([empty.iloc[:, place] for place in range(empty.shape[1])])
    for known in plan.columns:
        series = next(answers) if known.kind == "output" else next(given) if known.kind == "data" else None
        # The type of an answer is not known yet; NULL fits every type.
        loose = series is None or series.dtype == object or str(series.dtype).startswith("str")
        columns[known.private] = pa.nulls(0) if loose and known.kind != "data" else first(series)
    columns[ROW] = pa.array([], pa.int64())
    source = scratch.add(Table(pa.table(columns)))
    try:
        database.columns(plan.final(source), plan.names)
    except StatementError as error:
        if "No function matches" not in error.message and "Could not choose" not in error.message:
            raise


def empty_frame(question: Question, database: Database) -> pd.DataFrame:
    """Return a frame without rows that has the columns of a question's data."""
    parts = [
        to_frame(
            database.run(exp.select(exp.Star()).from_(aliased(source.relation.copy(), source.alias)).limit(0))
        )
        for source in question.early
    ]
    frame = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=pd.RangeIndex(0))
    frame.columns = pd.Index(question.visible_names(), dtype=object)
    return frame
