"""Writing the results of statements and the estimates of dry runs."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import FileError
from ..foreign_text import safe, visible
from .app import Format

if TYPE_CHECKING:
    import pandas as pd

    from ..session import Session
    from ..session.table import Result
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
            typer.echo(visible(one_line(estimate)), err=True)
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
    """Run statements and write the result of each; with `output`, write the last one to that file.

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
    """
    from ..session.done import Done
    from ..usage.terminal import shown_in_terminal

    statement = ""
    result: Result = Done("nothing was done")
    with nullcontext() if quiet else shown_in_terminal():
        for statement, result in session.results(text, parameters):
            done(result)
            if echo:
                typer.secho(f"\n{visible(statement.strip())}", err=True, dim=True)
            if isinstance(result, Done):
                if sys.stderr.isatty() and not quiet:
                    typer.echo(safe(result.words), err=True)
            elif output is None:
                write(result, fmt, None, wide=wide)
    if output is not None and statement:
        write(result, fmt, output)


def check_can_be_written(path: Path) -> None:
    """Check that a file can be made in its folder, or written where it is there.

    Raises:
        FileError: It cannot.
    """
    missing = None if path.parent.is_dir() else errno.ENOENT
    refused = None if os.access(path if path.exists() else path.parent, os.W_OK) else errno.EACCES
    if code := errno.EISDIR if path.is_dir() else missing or refused:
        raise FileError.of(OSError(code, os.strerror(code), str(path)))


def write_table(result: Result, layout: Layout, *, wide: bool = False) -> None:
    """Write a result to stdout for people."""
    from ..session.table import first_rows
    from ..usage.result_table import MOST_ROWS_SHOWN, print_table

    print_table(*first_rows(result, MOST_ROWS_SHOWN), layout=layout, wide=wide)


def write(result: Result, fmt: Format, output: Path | None, *, wide: bool = False) -> None:
    """Write one result to stdout or to a file; record by record where a table does not fit."""
    from ..session.table import as_frame

    if fmt is Format.table:
        write_table(result, "auto", wide=wide)
        return
    frame = as_frame(result)
    if output is not None:
        _write_file(frame, fmt, output)
        return
    text = _text(frame, fmt)
    # A program gets the data as it is. Not echo, which takes escape sequences out of it.
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def _write_file(frame: pd.DataFrame, fmt: Format, output: Path) -> None:
    """Write a file whole: what was there stays until the new one is complete."""
    new = output.with_name(f".{output.name}.new")
    try:
        if fmt is Format.parquet:
            frame.to_parquet(new)
        elif fmt is Format.xlsx:
            # A name that Excel knows, beside the place of the file.
            new = new.with_suffix(".xlsx")
            _write_sheet(frame, new)
        else:
            new.write_text(_text(frame, fmt), encoding="utf-8")
        new.replace(output)
    finally:
        new.unlink(missing_ok=True)


def _write_sheet(frame: pd.DataFrame, path: Path) -> None:
    """Write a sheet: lists as JSON, moments of a zone as text, and no answer as a formula."""
    import pandas as pd

    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        frame.map(_cell).to_excel(writer, index=False)
        for row in writer.sheets["Sheet1"].iter_rows():
            for cell in row:
                if cell.data_type == "f":  # a text that begins with =
                    cell.data_type = "s"


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if getattr(value, "tzinfo", None) is not None else value


def _text(frame: pd.DataFrame, fmt: Format) -> str:
    if fmt is Format.csv:
        return frame.to_csv(index=False)
    text: str = frame.to_json(
        orient="records",
        lines=fmt is Format.jsonl,
        force_ascii=False,
        date_format="iso",
        default_handler=str,
    )
    text = _ESCAPED.sub(lambda found: "/" if found[0] == "\\/" else found[0], text)
    return text if text.endswith("\n") else text + "\n"


#: A sign behind a backslash. pandas writes a slash so, which no other program does.
_ESCAPED = re.compile(r"\\.")
