"""All checks of a MindsDB, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .checks import Finding
from .local_machine import Here, leftover
from .running_server import is_here
from .served import Served, look_at_server
from .settings import DEFAULT_URL, SettingsError, read_settings
from .trial import try_model


def examine(
    *,
    python: str | None = None,
    url: str | None = None,
    storage: Path | None = None,
    engine: str | None = None,
    model: str | None = None,
) -> Iterator[Finding]:
    """Examine a MindsDB; nothing is changed, made or written.

    Args:
        python: The interpreter that runs MindsDB; by default the one that runs this.
        url: The address of the server; by default its port on this machine. Where no server answers, only
            files and versions are examined.
        storage: MindsDB's storage folder; by default the one that MindsDB would take.
        engine: The only engine to check; by default all of them.
        model: A model to which one row is sent; it costs as much as any row.

    Yields:
        Each finding, as soon as it is found.
    """
    settings = None
    try:
        settings = read_settings(os.environ, storage)
    except SettingsError as error:
        yield Finding("storage", "wrong", str(error), "correct it, or MINDSDB_CONFIG_PATH")
    default = DEFAULT_URL if settings is None else settings.url
    served = look_at_server(url or default, is_asked_for=url is not None, engine=engine)
    yield from served.findings
    if url is not None and not is_here(url) and python is None:
        words = "the server is on another machine: its files, versions and storage are not seen from here"
        yield Finding("machine", "warning", words, "run portkey-handler doctor there, or in its container")
        yield from leftover(served, {})
    else:
        yield from Here(python, settings, served, engine).findings()
    if model is not None:
        yield from _trial(served, model)


def _trial(served: Served, model: str) -> Iterator[Finding]:
    if served.server is None:
        words = "a model is asked through a server, and none answers"
        yield Finding(f"model {model}", "wrong", words, "start MindsDB, or say where it is: --url")
    else:
        yield try_model(served.server, model)
