"""The command line's application: its shared options, its errors and its log."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from ..__about__ import __version__
from ..errors import FileError, PortkeyHandlerError
from ..foreign_text import visible
from ..usage.folding import folded
from .exit_codes import code_of

#: The name of this package; MindsDB imports it under another name.
_PACKAGE = __name__.removesuffix(".cli.app")


class _Commands(TyperGroup):
    """Writes out what acts on a terminal in errors about wrong use, which repeat arguments and file names."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _visible_message():
            return super().make_context(*args, **kwargs)

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        with _visible_message():
            return super().invoke(*args, **kwargs)


@contextmanager
def _visible_message() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            error.message = visible(message)  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    cls=_Commands,
    help="Run language models over table rows from SQL, through the Portkey AI gateway.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


class Format(str, Enum):
    """How a result is written."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    parquet = "parquet"
    xlsx = "xlsx"


class LogFormat(str, Enum):
    """How log lines are written."""

    text = "text"
    json = "json"


FilesOption = Annotated[
    Path, typer.Option("--files", help="Folder behind the SQL name `files`.", file_okay=False, exists=True)
]


def _folder(name: str) -> Path:
    """Read the name of a folder; an empty one, as of an unset variable, is not the current folder."""
    if not name.strip():
        raise typer.BadParameter("the name of the folder is empty; write one, or leave --session out")
    return Path(name)


SessionOption = Annotated[
    Path | None,
    typer.Option(
        "--session",
        help="Folder that keeps engines and models; default: in memory.",
        parser=_folder,
        metavar="PATH",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option("--encoding", help="Encoding of files that are not UTF-8 and have no byte order mark."),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format", help="How results are written; default: a table, or what the file's ending says."
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the last result to this file: .csv, .json, .jsonl, .parquet or .xlsx.",
    ),
]
DatabaseOption = Annotated[
    Path | None,
    typer.Option("--db", help="A DuckDB database file whose tables are seen.", dir_okay=False),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="The language model of every query, whatever SQL says."),
]
MaxCostOption = Annotated[
    float | None, typer.Option("--max-cost", help="The most dollars of each query to a model.")
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Ask a stand-in on this machine and nobody else; nothing is paid.")
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", help="NAME=VALUE: the value of $NAME in the statements. May be repeated."),
]
EnvFileOption = Annotated[
    Path | None,
    typer.Option("--env-file", help="Read variables such as keys from this file.", dir_okay=False),
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if rows failed, also under on_error = 'null'.")
]
SummaryOption = Annotated[
    Path | None,
    typer.Option("--summary", help="Write what was done and paid to this JSON file.", dir_okay=False),
]
WideOption = Annotated[
    bool, typer.Option("--wide", help="Write tables with every digit and character, however wide.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Write errors and results only.")]
LogFormatOption = Annotated[
    LogFormat | None, typer.Option("--log-format", help="Write log lines with times and levels.")
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


@contextmanager
def errors_on_stderr() -> Iterator[None]:
    """Write an error of this package or of a file to stderr, and exit with the code of its kind."""
    try:
        yield
    except BrokenPipeError:
        raise  # the program that reads the results wants no more; Typer ends without a word
    except (PortkeyHandlerError, OSError) as error:
        said = FileError.of(error) if isinstance(error, OSError) else error
        say_error(said)
        leave(code_of(said))


def write_out(text: str, *, fold: bool = True) -> None:
    """Write text to stdout: as it is for a program; for a terminal safe to show, and folded."""
    shown = visible(text) if sys.stdout.isatty() else text
    typer.echo(folded(shown, sys.stdout) if fold else shown)


def say(words: str, *, colour: str | None = None) -> None:
    """Write words for people to stderr; on a terminal they are folded between words."""
    typer.secho(folded(words, sys.stderr), err=True, fg=colour)


def say_error(error: PortkeyHandlerError) -> None:
    """Write an error to stderr; on a terminal with the line of the statement, and a caret under the place."""
    if not sys.stderr.isatty():
        say(str(error), colour="red")
        return
    first, *excerpt = error.for_people
    say(first, colour="red")
    for line in excerpt:  # not folded, because the caret stands under a place
        typer.echo(line, err=True)


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


class _ToStderr(logging.Handler):
    """Writes to the current stderr, which may be above the progress display."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. A closed stderr is ignored, so that no answer is lost."""
        try:
            line = visible(self.format(record))
            shown = line if isinstance(self.formatter, _JsonLines) else folded(line, sys.stderr)
            print(shown, file=sys.stderr)  # noqa: T201 - echo would write into the block
        except (OSError, ValueError):
            self.handleError(record)


def log_to_stderr(verbose: bool, *, quiet: bool = False, fmt: LogFormat | None = None) -> None:
    """Show the package's log: summaries and warnings; with -v all of it, with --quiet errors only."""
    logger = logging.getLogger(_PACKAGE)
    if not verbose:  # The line every ten seconds is for logs: a terminal has the display, a pipe the summary.
        logging.getLogger(f"{_PACKAGE}.progress").setLevel(logging.WARNING)
    if not logger.handlers:
        handler = _ToStderr()
        handler.setFormatter(_JsonLines() if fmt is LogFormat.json else logging.Formatter(_WORDS[fmt]))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)


_WORDS = {None: "%(message)s", LogFormat.text: "%(asctime)s %(levelname)s %(message)s"}


class _JsonLines(logging.Formatter):
    """A JSON object per line: `time`, `level` and `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname, "message": record.getMessage()}
        return json.dumps(line, ensure_ascii=False)
