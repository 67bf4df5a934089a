"""Commands that run SQL: run, sql."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import FileError, PortkeyHandlerError
from ..signals import Terminated
from .app import (
    DatabaseOption,
    DryRunOption,
    EncodingOption,
    EnvFileOption,
    FilesOption,
    Format,
    FormatOption,
    LogFormat,
    LogFormatOption,
    MaxCostOption,
    ModelOption,
    OfflineOption,
    OutputOption,
    QuietOption,
    SessionOption,
    StrictOption,
    SummaryOption,
    VarOption,
    VerboseOption,
    WideOption,
    app,
    errors_on_stderr,
    leave,
    log_to_stderr,
)
from .exit_codes import INTERRUPTED, LIMIT, ROWS, SIGNALLED, code_of
from .output import format_of, show_all, write_estimates
from .run_summary import RunSummary
from .stand_in import asking_stand_in
from .variables import parameters_of, read_env_file

if TYPE_CHECKING:
    from ..usage.estimate.estimator import Estimate


@dataclass(frozen=True, kw_only=True)
class Run:
    """How statements are run from the command line.

    Attributes:
        files: The folder behind `files`.
        session: The session's folder, or None.
        encoding: The encoding of files, or None.
        fmt: How results are written.
        output: The file of the last result, or None.
        dry_run: Whether nothing is sent.
        verbose: Whether the whole log is shown.
        echo: Whether each statement is written above its result.
        db: A DuckDB database file, or None.
        options: Options of every query to a model.
        offline: Whether a stand-in is asked, and nobody else.
        parameters: The values of `$name`, or None.
        strict: Whether a failed row is a failure.
        summary: The file of the summary, or None.
        quiet: Whether errors and results alone are written.
        wide: Whether a table has every digit and character.
        log_format: How log lines are written, or None.
    """

    files: Path
    session: Path | None = None
    encoding: str | None = None
    fmt: Format = Format.table
    output: Path | None = None
    dry_run: bool = False
    verbose: bool = False
    echo: bool = False
    db: Path | None = None
    options: Mapping[str, Any] | None = None
    offline: bool = False
    parameters: Mapping[str, Any] | None = None
    strict: bool = False
    summary: Path | None = None
    quiet: bool = False
    wide: bool = False
    log_format: LogFormat | None = None


@app.command()
def run(
    file: Annotated[str, typer.Argument(help="File of SQL statements; - is standard input.")],
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    fmt: FormatOption = None,
    output: OutputOption = None,
    db: DatabaseOption = None,
    model: ModelOption = None,
    max_cost: MaxCostOption = None,
    offline: OfflineOption = False,
    var: VarOption = None,
    env_file: EnvFileOption = None,
    dry_run: DryRunOption = False,
    strict: StrictOption = False,
    summary: SummaryOption = None,
    quiet: QuietOption = False,
    wide: WideOption = False,
    log_format: LogFormatOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements of a file."""
    from ..session.scripts import script_text

    is_stdin = file == "-"
    with errors_on_stderr():
        if not is_stdin and (Path(file).is_dir() or not Path(file).exists()):  # a pipe is a file here
            raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
        content = sys.stdin.buffer.read() if is_stdin else Path(file).read_bytes()
        text = script_text(content, "standard input" if is_stdin else Path(file).name, encoding)
    if env_file is not None:
        read_env_file(env_file)
    run_statements(
        text,
        Run(
            files=files,
            session=session,
            encoding=encoding,
            fmt=format_of(fmt, output),
            output=output,
            db=db,
            options=_options(model, max_cost),
            offline=offline,
            parameters=parameters_of(var),
            dry_run=dry_run,
            strict=strict,
            summary=summary,
            quiet=quiet,
            wide=wide,
            log_format=log_format,
            verbose=verbose,
        ),
    )


@app.command()
def sql(
    statements: Annotated[str, typer.Argument(help="One or more SQL statements.")],
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    fmt: FormatOption = None,
    output: OutputOption = None,
    db: DatabaseOption = None,
    model: ModelOption = None,
    max_cost: MaxCostOption = None,
    offline: OfflineOption = False,
    var: VarOption = None,
    env_file: EnvFileOption = None,
    dry_run: DryRunOption = False,
    strict: StrictOption = False,
    summary: SummaryOption = None,
    quiet: QuietOption = False,
    wide: WideOption = False,
    log_format: LogFormatOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements given."""
    if env_file is not None:
        read_env_file(env_file)
    run_statements(
        statements,
        Run(
            files=files,
            session=session,
            encoding=encoding,
            fmt=format_of(fmt, output),
            output=output,
            db=db,
            options=_options(model, max_cost),
            offline=offline,
            parameters=parameters_of(var),
            dry_run=dry_run,
            strict=strict,
            summary=summary,
            quiet=quiet,
            wide=wide,
            log_format=log_format,
            verbose=verbose,
        ),
    )


def run_statements(text: str, how: Run) -> None:
    """Run statements and write their results; exit with the code of what went wrong."""
    from ..session.whole_file import check_can_be_written

    log_to_stderr(how.verbose, quiet=how.quiet, fmt=how.log_format)
    with errors_on_stderr():
        for path in (how.output, how.summary):
            if path is not None:
                check_can_be_written(path)  # before anything is paid for
    done = RunSummary()
    code, said = 1, None
    try:
        with errors_on_stderr():
            try:
                code = _run_dry(text, how, done) if how.dry_run else _run(text, how, done)
            except (PortkeyHandlerError, OSError) as error:
                ours = FileError.of(error) if isinstance(error, OSError) else error
                code, said = code_of(ours), str(ours).splitlines()[0]
                raise
    except KeyboardInterrupt:
        code, said = INTERRUPTED, "interrupted"
        raise
    except Terminated as error:
        code, said = SIGNALLED + error.signal, "interrupted"
        raise
    finally:
        if how.summary is not None:
            with errors_on_stderr():
                done.write(how.summary, code, said)
    if code:
        leave(code)


def _run(text: str, how: Run, done: RunSummary) -> int:
    """Run statements, and return the exit code."""
    from ..session import Session

    with (
        _told(done) if how.strict or how.summary is not None else nullcontext(),
        asking_stand_in() if how.offline else nullcontext(),
        Session(
            how.session,
            files=how.files,
            connection=how.db,
            file_options=_for_all(how.encoding),
            options=how.options,
        ) as session,
    ):
        show_all(
            session,
            text,
            how.fmt,
            how.output,
            echo=how.echo,
            parameters=how.parameters,
            quiet=how.quiet,
            wide=how.wide,
            done=done.add_result,
        )
    return ROWS if how.strict and done.failed else 0


def _options(model: str | None, max_cost: float | None) -> dict[str, Any]:
    """Return the options of every query that were given."""
    given = {"model": model, "max_cost": max_cost}
    return {name: value for name, value in given.items() if value is not None}


def _told(done: RunSummary) -> AbstractContextManager[None]:
    """Tell the summary of each query; what that needs is loaded only where the summary is wanted."""
    from ..usage.run_record import on_record

    return on_record(done.add_query)


def _for_all(encoding: str | None) -> dict[str, dict[str, str]]:
    """Return the options of files that --encoding says."""
    return {} if encoding is None else {"*": {"encoding": encoding}}


def _run_dry(text: str, how: Run, done: RunSummary) -> int:
    """Run statements on a copy of the session in memory, and write the estimate of each query.

    Returns:
        The exit code.
    """
    from ..session import Session
    from ..session.catalog import Catalog
    from ..usage.estimate.dry_run import dry_runs

    made: list[Estimate] = []
    # Not on disk: it would stay there, with its keys, when the process is killed.
    catalog = None if how.session is None else Catalog.in_memory(how.session)
    try:
        options = _for_all(how.encoding)
        with (
            dry_runs(made.append),
            asking_stand_in() if how.offline else nullcontext(),
            Session(
                catalog,
                files=how.files,
                connection=how.db,
                file_options=options,
                options=how.options,
            ) as session,
        ):
            for _, result in session.results(text, how.parameters):
                done.add_result(result)
    finally:
        write_estimates(made, how.fmt, how.output)
    return LIMIT if any(estimate.refused for estimate in made) else 0
