"""Writing the results of statements and the estimates of dry runs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import FileError
from ..foreign_text import visible
from .app import Format

if TYPE_CHECKING:
    from ..session import Session
    from ..session.table import Result
    from ..usage.estimate.estimator import Estimate


def write_estimates(made: Sequence[Estimate], fmt: Format, output: Path | None) -> None:
    """Write estimates: as a table each on a terminal, otherwise as a row each."""
    from ..usage.estimate.wording import one_line, table

    if fmt is Format.table and output is None:
        from ..usage.terminal import print_table

        for estimate in made:
            typer.echo(visible(one_line(estimate)), err=True)
            facts = table(estimate)
            print_table(["what", "value"], facts, len(facts))
    elif made:
        import pandas as pd

        rows: pd.DataFrame = pd.DataFrame([estimate.as_dict() for estimate in made])
        write(rows, fmt if fmt is not Format.table else Format.csv, output)


def show_all(session: Session, text: str, fmt: Format, output: Path | None, *, echo: bool = False) -> None:
    """Run statements and write the result of each; with `output`, write the last one to that file."""
    from ..session.done import Done
    from ..usage.terminal import shown_in_terminal

    statement = ""
    result: Result = Done("nothing was done")
    with shown_in_terminal():
        for statement, result in session.results(text):
            if echo:
                typer.secho(f"\n{visible(statement.strip())}", err=True, dim=True)
            if output is None and not isinstance(result, Done):
                write(result, fmt, None)
    if output is not None and statement:
        write(result, fmt if fmt is not Format.table else Format.csv, output)


def check_can_be_written(path: Path) -> None:
    """Check that a file can be made in its folder, or written where it is there.

    Raises:
        FileError: It cannot.
    """
    missing = None if path.parent.is_dir() else errno.ENOENT
    refused = None if os.access(path if path.exists() else path.parent, os.W_OK) else errno.EACCES
    if code := errno.EISDIR if path.is_dir() else missing or refused:
        raise FileError.of(OSError(code, os.strerror(code), str(path)))


def write(result: Result, fmt: Format, output: Path | None) -> None:
    """Write one result to stdout or to a file."""
    from ..session.table import as_frame, first_rows

    if fmt is Format.table:
        from ..usage.terminal import MOST_ROWS_SHOWN, print_table

        print_table(*first_rows(result, MOST_ROWS_SHOWN))
        return
    frame = as_frame(result)
    if fmt is Format.parquet:
        frame.to_parquet(output)
        return
    text: str
    if fmt is Format.csv:
        text = frame.to_csv(index=False)
    else:
        text = frame.to_json(
            orient="records",
            lines=fmt is Format.jsonl,
            force_ascii=False,
            date_format="iso",
            default_handler=str,
        )
        text = text if text.endswith("\n") else text + "\n"
    if output is None:
        # A program gets the data as it is. Not echo, which takes escape sequences out of it.
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()
    else:
        output.write_text(text, encoding="utf-8")
