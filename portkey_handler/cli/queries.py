"""Commands that run SQL: run, sql, shell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..__about__ import __version__
from ..errors import PortkeyHandlerError
from .app import (
    DryRunOption,
    EncodingOption,
    FilesOption,
    Format,
    FormatOption,
    OutputOption,
    SessionOption,
    VerboseOption,
    app,
    errors_on_stderr,
    log_to_stderr,
)
from .output import check_can_be_written, show_all, write_estimates

if TYPE_CHECKING:
    from ..usage.estimate.estimator import Estimate


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="File of SQL statements; - is standard input.")],
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    fmt: FormatOption = Format.table,
    output: OutputOption = None,
    dry_run: DryRunOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements of a file."""
    from ..session.scripts import script_text

    is_stdin = file == "-"
    if not is_stdin and not Path(file).is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    with errors_on_stderr():
        content = sys.stdin.buffer.read() if is_stdin else Path(file).read_bytes()
        text = script_text(content, "standard input" if is_stdin else Path(file).name, encoding)
    run_statements(text, files, session, fmt, output, verbose, dry_run=dry_run, encoding=encoding)


@app.command()
def sql(
    statements: Annotated[str, typer.Argument(help="One or more SQL statements.")],
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    fmt: FormatOption = Format.table,
    output: OutputOption = None,
    dry_run: DryRunOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements given."""
    run_statements(statements, files, session, fmt, output, verbose, dry_run=dry_run, encoding=encoding)


@app.command()
def shell(
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run statements as they are typed; a statement ends with a semicolon."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its line editing

    from ..session import Session

    log_to_stderr(verbose)
    typer.echo(f"portkey_handler {__version__}; a statement ends with ; and exit leaves.", err=True)
    with errors_on_stderr(), Session(session, files=files, file_options=_for_all(encoding)) as running:
        for text in _typed_statements():
            try:
                show_all(running, text, Format.table, None)
            except PortkeyHandlerError as error:
                typer.secho(str(error), err=True, fg="red")


def run_statements(
    text: str,
    files: Path,
    path: Path | None,
    fmt: Format,
    output: Path | None,
    verbose: bool,
    *,
    echo: bool = False,
    dry_run: bool = False,
    encoding: str | None = None,
) -> None:
    """Run statements and write their results.

    Args:
        text: The statements.
        files: The folder behind `files`.
        path: The session's folder, or None.
        fmt: How results are written.
        output: The file of the last result, or None.
        verbose: Whether the whole log is shown.
        echo: Whether each statement is written above its result.
        dry_run: Whether nothing is sent.
        encoding: The encoding of files, or None.
    """
    from ..session import Session

    if fmt is Format.parquet and output is None:
        raise typer.BadParameter("parquet needs --output FILE", param_hint="--format")
    log_to_stderr(verbose)
    if output is not None:
        with errors_on_stderr():
            check_can_be_written(output)  # before anything is paid for
    if dry_run:
        with errors_on_stderr():
            _run_dry(text, files, path, fmt, output, encoding)
        return
    with errors_on_stderr(), Session(path, files=files, file_options=_for_all(encoding)) as session:
        show_all(session, text, fmt, output, echo=echo)


def _for_all(encoding: str | None) -> dict[str, dict[str, str]]:
    """Return the options of files that --encoding says."""
    return {} if encoding is None else {"*": {"encoding": encoding}}


def _run_dry(
    text: str, files: Path, path: Path | None, fmt: Format, output: Path | None, encoding: str | None
) -> None:
    """Run statements on a copy of the session in memory, and write the estimate of each query."""
    from ..session import Session
    from ..session.catalog import Catalog
    from ..usage.estimate.dry_run import dry_runs

    made: list[Estimate] = []
    # Not on disk: it would stay there, with its keys, when the process is killed.
    catalog = None if path is None else Catalog.in_memory(path)
    try:
        options = _for_all(encoding)
        with dry_runs(made.append), Session(catalog, files=files, file_options=options) as session:
            for _ in session.run(text):
                pass
    finally:
        write_estimates(made, fmt, output)


def _typed_statements() -> Iterator[str]:
    """Read from the terminal, a statement at a time, until exit or the end of input."""
    lines: list[str] = []
    while True:
        try:
            line = input("sql> " if not lines else "...> ")
        except EOFError:
            return
        except KeyboardInterrupt:
            lines.clear()
            typer.echo("", err=True)
            continue
        if not lines and line.strip().lower().rstrip(";") in ("exit", "quit", r"\q"):
            return
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines.clear()
