"""Commands for a MindsDB server and for earlier queries: install, uninstall, doctor, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..foreign_text import visible
from ..usage.folding import folded
from .app import app, errors_on_stderr, leave, log_to_stderr, write_out

if TYPE_CHECKING:
    from ..host.doctor.checks import Finding


@app.command()
def report(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="All runs of this model; several models are compared; without one, the last run of any."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Write the page to this file.", dir_okay=False)
    ] = Path("portkey-report.html"),
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write a page about earlier queries: rows, failures, latencies, tokens, cost; or compare models."""
    from ..host.data_dir import data_dir
    from ..usage.report import choose, choose_all, write_comparison, write_page
    from ..usage.run_history import RunHistory

    with errors_on_stderr():
        history = RunHistory(data_dir())
        if models is not None and len(models) > 1:
            page = write_comparison(choose_all(history, models))
        else:
            page = write_page(choose(history, models[0] if models else None))
        try:
            output.write_text(page, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    write_out(str(output))
    if show:
        typer.launch(output.absolute().as_uri())


@app.command()
def install(
    python: Annotated[
        str | None, typer.Option("--python", help="Interpreter of the MindsDB; default: this one.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy instead of linking, for images.")] = False,
) -> None:
    """Install the engine into a MindsDB."""
    from ..host import install as installation

    log_to_stderr(verbose=False)
    with errors_on_stderr():
        write_out(str(installation.install(python=python, copy=copy)))


@app.command()
def uninstall(
    python: Annotated[
        str | None, typer.Option("--python", help="Interpreter of the MindsDB; default: this one.")
    ] = None,
) -> None:
    """Remove what install has made in a MindsDB."""
    from ..host import install as installation

    with errors_on_stderr():
        write_out(str(installation.uninstall(python=python)))


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
            "Where it needs a login: MINDSDB_USERNAME and MINDSDB_PASSWORD, or MINDSDB_AUTH_TOKEN.",
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
    """Check a MindsDB and this engine in it; say what is wrong and what to do. Nothing is changed."""
    from ..host.doctor import examine

    if url is not None and not url.startswith(("http://", "https://")):
        raise typer.BadParameter("write http://HOST:PORT", param_hint="--url")
    found = examine(python=python, url=url, storage=storage, engine=engine, model=model)
    states = list(_show_findings(found, as_json))
    if "wrong" in states:
        leave(1)


def _show_findings(findings: Iterator[Finding], as_json: bool) -> Iterator[str]:
    """Write each finding as a line as soon as it is found, and return their states."""
    from dataclasses import asdict

    if as_json:
        found = [asdict(finding) for finding in findings]
        write_out(json.dumps(found, indent=2, ensure_ascii=False), fold=False)
        yield from (finding["state"] for finding in found)
        return
    colours = {"ok": "green", "warning": "yellow", "wrong": "red"}
    for finding in findings:
        line = visible(f"{finding.words}; {finding.remedy}" if finding.remedy else finding.words)
        state, before = f"{finding.state:<8}", f"{finding.state:<8} {visible(finding.what):<14} "
        shown = folded(before + line, sys.stdout, indent=" " * len(before))
        typer.echo(typer.style(state, fg=colours[finding.state]) + shown.removeprefix(state))
        yield finding.state
