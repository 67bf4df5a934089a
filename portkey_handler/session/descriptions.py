"""DESCRIBE of tables and queries, SUMMARIZE and EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import StatementError
from ..usage.estimate.dry_run import dry_runs
from .sql.parser import ast
from .sql.rewrite import QUERIES

if TYPE_CHECKING:
    import pandas as pd

    from ..usage.estimate.estimator import Estimate
    from .select_runner import Selector
    from .table import Table


def everything_in(table: Any) -> Any:
    """Return the query of all rows of a table."""
    return ast.Select(targets=[ast.Star()], from_table=table)


def query_of(statement: Any) -> Any:
    """Return the query of a statement: itself, or that of CREATE TABLE and INSERT.

    Raises:
        StatementError: It has none.
    """
    found = statement if isinstance(statement, QUERIES) else getattr(statement, "from_select", None)
    if found is None:
        raise StatementError("only a query can be described or explained: a SELECT, or a statement with one")
    return found


def described(selector: Selector, query: Any) -> pd.DataFrame:
    """Return names and types of the columns of a query; no model is asked."""
    import pandas as pd

    database = selector.database
    columns = selector.with_data_query(query, database.columns)
    if columns is None:
        with dry_runs(lambda estimate: None), database.scratch() as scratch:  # noqa: ARG005
            rows = scratch.add(selector.run(query).distinctly_named())
            columns = database.columns(_all_of(rows))
    found: pd.DataFrame = pd.DataFrame(columns, columns=["column_name", "column_type"], dtype=object)
    return found


def summarized(selector: Selector, query: Any) -> Table:
    """Return DuckDB's summary of the rows of a query: a row for each column."""
    database = selector.database
    found: Table | None = selector.with_data_query(query, database.summary)
    if found is not None:
        return found
    with database.scratch() as scratch:
        return database.summary(_all_of(scratch.add(selector.run(query).distinctly_named())))


def explained(selector: Selector, query: Any) -> pd.DataFrame:
    """Return what a query would do: what each model would be asked, or DuckDB's plan; nothing is asked."""
    import pandas as pd

    plan = selector.with_data_query(query, selector.database.plan)
    if plan is not None:
        rows = [("plan", plan)]
    else:
        asked: list[tuple[int, int, Estimate]] = []
        with dry_runs(lambda estimate: asked.append((*selector.asking, estimate))):
            selector.run(query)
        from ..usage.estimate.wording import in_words

        rows = [(f"{line}ask {estimate.name}", in_words(estimate)) for line, estimate in _tree(asked)]
    found: pd.DataFrame = pd.DataFrame(rows, columns=["step", "what"], dtype=object)
    return found


def _tree(asked: Sequence[tuple[int, int, Estimate]]) -> Iterator[tuple[str, Estimate]]:
    """Yield the steps of a plan, the last one first, each with a branch to the step that takes its rows.

    Args:
        asked: In their order: how many queries are around the SELECT of a model, the number of that SELECT,
            and the model's estimate.
    """
    depths: dict[int, int] = {}
    depth, before = -1, -1
    for level, select, estimate in reversed(asked):
        around = [depths[one] for one in sorted(depths) if one < level]
        depth = depth + 1 if select == before else (around or [-1])[-1] + 1
        depths[level], before = depth, select
        yield ("  " * (depth - 1) + "└ " if depth else ""), estimate


def _all_of(rows: Any) -> Any:
    from sqlglot import exp

    from .sql.expressions import aliased

    return exp.select(exp.Star()).from_(aliased(rows, "t"))
