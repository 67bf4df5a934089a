"""Commands that look: check the gateway, the usage of each day, and the batches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import EnvFileOption, SessionOption, app, errors_on_stderr, leave, write_out
from .exit_codes import GATEWAY
from .variables import read_env_file

if TYPE_CHECKING:
    from ..options import EngineConfig

_USAGE_COLUMNS = [
    *("day", "engine", "model", "answered_by", "queries", "rows", "requests", "failed", "cached"),
    *("prompt_tokens", "completion_tokens", "dollars", "without_a_price"),
]


@app.command()
def check(env_file: EnvFileOption = None) -> None:
    """Ask the gateway that the environment names whether it is there and takes the key; nothing is paid."""
    from ..host.doctor.checks import check_gateway
    from ..options.resolve import resolve_engine

    if env_file is not None:
        read_env_file(env_file)
    with errors_on_stderr():
        credentials, _ = resolve_engine({}, os.environ)
        found = check_gateway(credentials, "gateway")
    write_out(f"{found.state}: {found.words}" + (f"; {found.remedy}" if found.remedy else ""))
    if found.state == "wrong":
        leave(GATEWAY)


@app.command()
def usage(
    days: Annotated[
        int, typer.Option("--days", help="So many days, today included.", min=1, max=36_500)
    ] = 30,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the rows to this file, by its ending: .csv, .xlsx …"),
    ] = None,
) -> None:
    """Show the requests, tokens and dollars of each day, over all models."""
    import pandas as pd

    from ..host.data_dir import data_dir
    from ..session.whole_file import check_can_be_written
    from ..usage.run_history import RunHistory
    from .output import format_of, write

    fmt = format_of(None, output)
    with errors_on_stderr():
        if output is not None:
            check_can_be_written(output)
        first = (pd.Timestamp.now("UTC") - pd.Timedelta(days=days - 1)).strftime("%Y-%m-%d")
        rows = [
            (
                *(used.day, engine, model, used.answered_by, used.queries, used.rows, used.requests),
                *(used.failed, used.kept, used.use.prompt_tokens, used.use.completion_tokens),
                *(round(used.use.cost, 6), used.use.unpriced),
            )
            for engine, model, used in RunHistory(data_dir()).usage_of_all()
            if used.day >= first
        ]
        frame = pd.DataFrame(rows, columns=_USAGE_COLUMNS)
        if output is not None:
            write(frame, fmt, output)
        elif rows:
            columns = ["requests", "prompt_tokens", "completion_tokens", "dollars"]
            write(frame.groupby("day", sort=False)[columns].sum().reset_index(), fmt, None)
        else:
            write_out(f"no query was run in the last {days} days")


@app.command()
def batches(
    cancel: Annotated[
        str | None, typer.Option("--cancel", help="End this batch at the provider, by its id.")
    ] = None,
    session_folder: SessionOption = None,
    env_file: EnvFileOption = None,
) -> None:
    """Show the batches of all models as they were last seen, or end one.

    --cancel reaches the provider by the engine in the folder of --session, else by that of the environment.
    """
    import pandas as pd

    from ..host.batch_rows import ALL_COLUMNS, all_batches, cancel_batch
    from .app import Format
    from .output import write

    if env_file is not None:
        read_env_file(env_file)
    with errors_on_stderr():
        if cancel is not None:
            write_out(cancel_batch(cancel, _engine_of(cancel, session_folder)))
        elif rows := all_batches():
            write(pd.DataFrame(rows, columns=list(ALL_COLUMNS), dtype="object"), Format.table, None)
        else:
            write_out("there are no batches")


def _engine_of(batch: str, session_folder: Path | None) -> EngineConfig:
    """Return the options of a batch's engine."""
    from ..host.batch_rows import engine_of_batch
    from ..options.resolve import resolve_engine
    from ..session.catalog import Catalog

    name = engine_of_batch(batch)
    options = {} if session_folder is None else Catalog(session_folder).engine(name).options
    return resolve_engine(options, os.environ)[0]
