"""Writing the results of statements and the estimates of dry runs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import UsageError
from ..foreign_text import safe, visible
from ..usage.formatting import counted
from .app import Format, say

if TYPE_CHECKING:
    import pandas as pd

    from ..session import Session
    from ..session.table import Result, Table
    from ..usage.estimate.estimator import Estimate
    from ..usage.result_table import Layout


#: Endings of files, and what is written there.
_ENDINGS = {
    ".csv": Format.csv,
    ".json": Format.json,
    ".jsonl": Format.jsonl,
    ".ndjson": Format.jsonl,
    ".parquet": Format.parquet,
    ".xlsx": Format.xlsx,
}


def format_of(fmt: Format | None, output: Path | None) -> Format:
    """Return how results are written: as --format says, else as the ending of the file does.

    Raises:
        typer.BadParameter: They do not say it.
    """
    if output is None:
        if fmt in (Format.parquet, Format.xlsx):
            raise typer.BadParameter(f"{fmt.value} needs --output FILE", param_hint="--format")
        return fmt or Format.table
    if fmt is Format.table:
        raise typer.BadParameter("a file is no table; leave it out, or write csv …", param_hint="--format")
    found = fmt or _ENDINGS.get(output.suffix.lower())
    if found is None:
        endings = "end it with .csv, .json, .jsonl, .parquet or .xlsx, or say --format"
        what = f"the ending {output.suffix} is not known" if output.suffix else "has no ending"
        raise typer.BadParameter(f"{output.name}: {what}; {endings}", param_hint="--output")
    if found is Format.xlsx and importlib.util.find_spec("openpyxl") is None:
        raise typer.BadParameter("xlsx needs a package: pip install openpyxl", param_hint="--output")
    return found


def write_estimates(made: Sequence[Estimate], fmt: Format, output: Path | None) -> None:
    """Write estimates: as a table each on a terminal, otherwise as a row each."""
    from ..usage.estimate.wording import one_line, table

    if fmt is Format.table and output is None:
        from ..usage.result_table import print_table

        for estimate in made:
            say(visible(one_line(estimate)))
            facts = table(estimate)
            print_table(["what", "value"], facts, len(facts))
    elif made:
        import pandas as pd

        rows: pd.DataFrame = pd.DataFrame([estimate.as_dict() for estimate in made])
        write(rows, fmt if fmt is not Format.table else Format.csv, output)


def show_all(
    session: Session,
    text: str,
    fmt: Format,
    output: Path | None,
    *,
    echo: bool = False,
    parameters: Mapping[str, object] | None = None,
    quiet: bool = False,
    wide: bool = False,
    done: Callable[[Result], object] = lambda _result: None,
) -> None:
    """Run statements and write the result of each; with `output`, write the last result to that file.

    Args:
        session: The session.
        text: The statements.
        fmt: How results are written.
        output: The file of the last result, or None.
        echo: Whether each statement is written above its result.
        parameters: The values of `$name`.
        quiet: Whether nothing is shown while a query runs.
        wide: Whether a table has every digit and character.
        done: Called with the result of each statement.

    Raises:
        UsageError: No statement has a result for the file.
    """
    from ..session.done import Done
    from ..usage.terminal import shown_in_terminal

    last: Table | pd.DataFrame | None = None
    with nullcontext() if quiet else shown_in_terminal():
        for _, result in session.results(text, parameters, _echo if echo else None):
            done(result)
            if isinstance(result, Done):
                if sys.stderr.isatty() and not quiet:
                    say(safe(result.words))
            elif output is None:
                write(result, fmt, None, wide=wide, quiet=quiet)
            else:
                last = result
    if output is not None:
        if last is None:
            raise UsageError(f"{output} was not written: no statement has a result; end with a SELECT")
        write(last, fmt, output)
        if sys.stderr.isatty() and not quiet:
            from ..session.table import row_count

            say(f"{counted(row_count(last), 'row')} in {visible(str(output))}")


def _echo(statement: str) -> None:
    typer.secho(f"\n{visible(statement.strip())}", err=True, dim=True)


def write_table(result: Result, layout: Layout, *, wide: bool = False, quiet: bool = False) -> None:
    """Write a result to stdout for people."""
    from ..session.table import first_rows
    from ..usage.result_table import MOST_ROWS_SHOWN, print_table

    print_table(*first_rows(result, MOST_ROWS_SHOWN), layout=layout, wide=wide, is_counted=not quiet)


def write(
    result: Result, fmt: Format, output: Path | None, *, wide: bool = False, quiet: bool = False
) -> None:
    """Write one result to stdout or to a file; record by record where a table does not fit."""
    if fmt is Format.table:
        write_table(result, "auto", wide=wide, quiet=quiet)
        return
    from ..session.result_bytes import content_of, text_of
    from ..session.table import as_frame
    from ..session.whole_file import write_whole

    frame = as_frame(result)
    if output is not None:
        write_whole(output, content_of(frame, fmt.value))
        return
    text = text_of(frame, fmt.value)
    # A program gets the data as it is. Not echo, which takes escape sequences out of it.
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
