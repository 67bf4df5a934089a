"""The command line: `portkey-handler …`.

Exit codes: 0, 1 when a statement failed, 2 for wrong use. Tables and answers go to stdout, everything said
about them to stderr.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .__about__ import __version__
from .errors import PortkeyHandlerError, UsageError

if TYPE_CHECKING:
    from .host.doctor.checks import Finding
    from .session import Session
    from .session.table import Result
    from .usage.estimate.estimator import Estimate

#: As many as while a query runs.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000

app = typer.Typer(
    help="Run language models over table rows from SQL, through the Portkey AI gateway.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(str, Enum):
    """How a result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    parquet = "parquet"


FilesOption = Annotated[
    Path, typer.Option("--files", help="Folder behind the SQL name `files`.", file_okay=False, exists=True)
]
SessionOption = Annotated[
    Path | None, typer.Option("--session", help="Folder that keeps engines and models; default: in memory.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How results are written.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the last result to this file instead of stdout.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Send and write nothing; show what each query would ask and cost.")
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say more of what happens.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="File of SQL statements.", dir_okay=False, exists=True)],
    files: FilesOption = Path(),
    session: SessionOption = None,
    fmt: FormatOption = Format.table,
    output: OutputOption = None,
    dry_run: DryRunOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements of a file."""
    _run(file.read_text(encoding="utf-8"), files, session, fmt, output, verbose, dry_run=dry_run)


@app.command()
def sql(
    statements: Annotated[str, typer.Argument(help="One or more SQL statements.")],
    files: FilesOption = Path(),
    session: SessionOption = None,
    fmt: FormatOption = Format.table,
    output: OutputOption = None,
    dry_run: DryRunOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the statements given."""
    _run(statements, files, session, fmt, output, verbose, dry_run=dry_run)


@app.command()
def shell(files: FilesOption = Path(), session: SessionOption = None, verbose: VerboseOption = False) -> None:
    """Type statements and see their results; a statement ends with a semicolon."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its line editing

    from .session import Session

    _log_to_stderr(verbose)
    typer.echo(f"portkey_handler {__version__}; a statement ends with ; and exit leaves.", err=True)
    with Session(session, files=files) as running:
        for text in _typed_statements():
            try:
                _show_all(running, text, Format.table, None)
            except PortkeyHandlerError as error:
                typer.secho(str(error), err=True, fg="red")


@app.command()
def demo(
    model: Annotated[
        str | None, typer.Option("--model", help="Ask this model instead of the script's.")
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """Run the examples: with PORTKEY_API_KEY through the gateway, without it offline."""
    from .options.generation import DEFAULT_MODEL

    examples = _examples()
    script = (examples / "quickstart.sql").read_text(encoding="utf-8")
    if model is not None:
        quoted = model.replace("'", "''")
        script = script.replace(f"model = '{DEFAULT_MODEL}'", f"model = '{quoted}'")
    if os.environ.get("PORTKEY_API_KEY") or os.environ.get("PORTKEY_BASE_URL"):
        _run(script, examples, None, Format.table, None, verbose, echo=True)
        return
    from .gateway.offline import OfflineProvider

    with OfflineProvider() as provider:
        os.environ["PORTKEY_BASE_URL"] = provider.base_url
        typer.secho(
            "No PORTKEY_API_KEY is set: an offline stand-in answers here, and no language model does. "
            "Nothing is paid; the dollars are what the model would have cost.",
            err=True,
            fg="yellow",
        )
        try:
            _run(script, examples, None, Format.table, None, verbose, echo=True)
        finally:
            del os.environ["PORTKEY_BASE_URL"]


@app.command()
def report(
    model: Annotated[
        str | None, typer.Argument(help="All runs of this model; without one, the last run of any.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Write the page to this file.", dir_okay=False)
    ] = Path("portkey-report.html"),
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write a page about what was run: rows, failures, latencies, tokens, cost."""
    from .host.data_dir import home
    from .usage.report import choose, write_page
    from .usage.run_history import RunHistory

    with _errors_on_stderr():
        page = write_page(choose(RunHistory(home()), model))
        try:
            output.write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    typer.echo(str(output))
    if show:
        typer.launch(output.absolute().as_uri())


@app.command()
def install(
    python: Annotated[
        str | None, typer.Option("--python", help="Interpreter of the MindsDB; default: this one.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy instead of linking, for images.")] = False,
) -> None:
    """Put the engine where MindsDB loads it."""
    from .host.install import install as put

    _log_to_stderr(verbose=False)
    with _errors_on_stderr():
        typer.echo(str(put(python=python, copy=copy)))


@app.command()
def uninstall(
    python: Annotated[
        str | None, typer.Option("--python", help="Interpreter of the MindsDB; default: this one.")
    ] = None,
) -> None:
    """Take back what install did."""
    from .host.install import uninstall as take_back

    with _errors_on_stderr():
        typer.echo(str(take_back(python=python)))


@app.command()
def doctor(
    python: Annotated[
        str | None, typer.Option("--python", help="Interpreter of the MindsDB; default: this one.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Address of the running MindsDB; default: its port of this machine, if it answers there. "
            "Where it wants a login: MINDSDB_USERNAME and MINDSDB_PASSWORD, or MINDSDB_AUTH_TOKEN.",
        ),
    ] = None,
    storage: Annotated[
        Path | None,
        typer.Option(
            "--storage", help="Storage folder of the MindsDB; default: what its environment variables say."
        ),
    ] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="Check this engine only.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Also ask this model one short question, which costs a few tokens."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Say what is wrong with a MindsDB and this engine in it, and what to do; changes nothing."""
    from .host.doctor import examine

    if url is not None and not url.startswith(("http://", "https://")):
        raise typer.BadParameter("write http://HOST:PORT", param_hint="--url")
    found = examine(python=python, url=url, storage=storage, engine=engine, model=model)
    states = list(_show_findings(found, as_json))
    if "wrong" in states:
        _leave(1)


def _show_findings(findings: Iterator[Finding], as_json: bool) -> Iterator[str]:
    """Write findings, as a line each while they are found, and give their states."""
    from dataclasses import asdict

    if as_json:
        found = [asdict(finding) for finding in findings]
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        yield from (finding["state"] for finding in found)
        return
    colours = {"ok": "green", "warning": "yellow", "wrong": "red"}
    for finding in findings:
        line = f"{finding.words}; {finding.remedy}" if finding.remedy else finding.words
        typer.echo(
            f"{typer.style(f'{finding.state:<8}', fg=colours[finding.state])} {finding.what:<14} {line}"
        )
        yield finding.state


def main() -> None:
    """Run the command line."""
    # The objects of imported modules stay until the end. Looking through them again and again, and once more
    # at the exit, takes a fifth of the CPU time of a short statement.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        app()
    finally:
        gc.freeze()


def _run(
    text: str,
    files: Path,
    path: Path | None,
    fmt: Format,
    output: Path | None,
    verbose: bool,
    *,
    echo: bool = False,
    dry_run: bool = False,
) -> None:
    from .session import Session

    if fmt is Format.parquet and output is None:
        raise typer.BadParameter("parquet needs --output FILE", param_hint="--format")
    _log_to_stderr(verbose)
    if dry_run:
        with _errors_on_stderr():
            _run_dry(text, files, path, fmt, output)
        return
    with _errors_on_stderr(), Session(path, files=files) as session:
        _show_all(session, text, fmt, output, echo=echo)


def _run_dry(text: str, files: Path, path: Path | None, fmt: Format, output: Path | None) -> None:
    """Run statements on a copy of the session, and write the estimate of each query as the result."""
    import shutil
    import tempfile

    from .session import Session
    from .usage.estimate.dry_run import dry_runs

    made: list[Estimate] = []
    with tempfile.TemporaryDirectory() as folder:
        if path is not None and path.exists():
            shutil.copytree(path, folder, dirs_exist_ok=True)
        try:
            with dry_runs(made.append), Session(folder, files=files) as session:
                for _ in session.run(text):
                    pass
        finally:
            _write_estimates(made, fmt, output)


def _write_estimates(made: Sequence[Estimate], fmt: Format, output: Path | None) -> None:
    """Write estimates: to a person as a table each, otherwise as a row each."""
    from .usage.estimate.wording import one_line, table

    if fmt is Format.table and output is None:
        from .usage.terminal import print_table

        for estimate in made:
            typer.echo(one_line(estimate), err=True)
            facts = table(estimate)
            print_table(["what", "value"], facts, len(facts))
    elif made:
        import pandas as pd

        rows: pd.DataFrame = pd.DataFrame([estimate.as_dict() for estimate in made])
        _write(rows, fmt if fmt is not Format.table else Format.csv, output)


def _show_all(session: Session, text: str, fmt: Format, output: Path | None, *, echo: bool = False) -> None:
    from .usage.terminal import shown_in_terminal

    statement = ""
    result: Result = None
    with shown_in_terminal():
        for statement, result in session.results(text):
            if echo:
                typer.secho(f"\n{statement.strip()}", err=True, dim=True)
            if output is None and result is not None:
                _write(result, fmt, None)
    if output is not None and statement:
        _write(result, fmt if fmt is not Format.table else Format.csv, output)


def _write(result: Result, fmt: Format, output: Path | None) -> None:
    from .session.table import as_frame, first_rows

    if fmt is Format.table:
        from .usage.terminal import MOST_ROWS_SHOWN, print_table

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
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@contextmanager
def _errors_on_stderr() -> Iterator[None]:
    try:
        yield
    except PortkeyHandlerError as error:
        typer.secho(str(error), err=True, fg="red")
        _leave(1)


def _leave(code: int) -> NoReturn:
    raise typer.Exit(code)


class _ToStderr(logging.Handler):
    """Writes to what is stderr at the moment, which may be above a block that lives."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a stderr that is gone costs no answer."""
        try:
            print(self.format(record), file=sys.stderr)  # noqa: T201 - echo would write into the block
        except (OSError, ValueError):
            self.handleError(record)


def _log_to_stderr(verbose: bool) -> None:
    """Show what the package says of its work: summaries and warnings, and with -v everything."""
    logger = logging.getLogger(__package__)
    if not verbose:  # the line every ten seconds is for logs; a terminal has its block, a pipe the summary
        logging.getLogger(f"{__package__}.progress").setLevel(logging.WARNING)
    if not logger.handlers:
        handler = _ToStderr()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


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


def _examples() -> Path:
    """Find the examples: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "examples", package.parent / "examples"):
        if (folder / "quickstart.sql").is_file():
            return folder
    typer.secho("the examples are not installed; reinstall portkey-handler", err=True, fg="red")
    _leave(1)


if __name__ == "__main__":
    main()
