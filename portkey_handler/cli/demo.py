"""The command `demo`: the examples, asked of a gateway, a language model on this machine, or a stand-in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..errors import PortkeyHandlerError
from .app import VerboseOption, app, log_to_stderr, say
from .queries import Run, run_statements
from .stand_in import asking_stand_in


@app.command()
def demo(
    model: Annotated[
        str | None, typer.Option("--model", help="Ask this model instead of the script's.")
    ] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Ask a stand-in, and no language model on this machine.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the examples: through your gateway, else on a language model of this machine, else a stand-in."""
    from ..options.generation import DEFAULT_MODEL

    log_to_stderr(verbose)
    examples = _examples()
    is_elsewhere = bool(os.environ.get("PORTKEY_API_KEY") or os.environ.get("PORTKEY_BASE_URL"))
    if not (is_elsewhere or stand_in or model) and _is_local_ready():
        _say(
            "A language model of 135 million parameters is answering on this machine:\n"
            "it is small and often wrong. Nothing is paid."
        )
        _run(examples, _script(examples / "local.sql"), verbose)
        return
    script = _script(examples / "quickstart.sql")
    if model is not None:
        quoted = model.replace("'", "''")
        script = script.replace(f"model = '{DEFAULT_MODEL}'", f"model = '{quoted}'")
    if is_elsewhere:
        _run(examples, script, verbose)
        return
    _say(
        "No PORTKEY_API_KEY is set: an offline stand-in guesses by lists of words here, and no language "
        "model answers. Nothing is paid; the dollars are what the model would have cost."
    )
    with asking_stand_in(latency=0.05):  # slow enough for a progress bar to be seen
        _run(examples, script, verbose)


def _run(examples: Path, script: str, verbose: bool) -> None:
    run_statements(script, Run(files=examples, verbose=verbose, echo=True))


def _is_local_ready() -> bool:
    """Return whether a language model can answer on this machine; it is fetched where it is missing."""
    from ..host.data_dir import data_dir
    from ..local.installed import check_installed
    from ..local.model_file import model_file

    try:
        check_installed()
        model_file(data_dir())
    except PortkeyHandlerError as error:
        _say(f"No language model can answer on this machine: {error}")
        return False
    return True


def _say(words: str) -> None:
    from ..foreign_text import visible

    say(visible(words), colour="yellow")


def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _examples() -> Path:
    """Return the folder of the examples: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parent / "examples"):
        if (folder / "quickstart.sql").is_file():
            return folder
    say("the examples are not installed; reinstall portkey-handler", colour="red")
    raise typer.Exit(1)
