"""The command that serves the language model of this machine: local."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .app import VerboseOption, app, errors_on_stderr, log_to_stderr, write_out


@app.command()
def local(
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Serve this language model, a file in the GGUF format.", dir_okay=False),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1.", min=0, max=65535)] = 8788,
    verbose: VerboseOption = False,
) -> None:
    """Serve a small language model and an embedding model on this machine, until Ctrl-C."""
    import asyncio

    from ..host.data_dir import data_dir
    from ..local.installed import check_installed
    from ..local.model_file import CHAT_MODEL, model_file

    log_to_stderr(verbose)
    with errors_on_stderr():
        if model is not None and not model.is_file():
            raise UsageError(f"--model {model}: there is no such file")
        check_installed()
        try:
            # Not within the loop, where Ctrl-C would wait for the end of a download.
            file = model if model is not None else model_file(data_dir())
            if not verbose:
                _silence_llama()
            asyncio.run(_serve(file, CHAT_MODEL if model is None else model.stem.lower(), port))
        except KeyboardInterrupt:
            return


def _silence_llama() -> None:
    """Let this package alone write to stderr, until the process ends.

    llama.cpp writes pages about itself to the file descriptor 2, some of them after it has failed.
    """
    ours = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    encoding, errors = sys.stderr.encoding, "backslashreplace"
    sys.stderr = os.fdopen(ours, "w", buffering=1, encoding=encoding, errors=errors)


async def _serve(file: Path, name: str, port: int) -> None:
    import asyncio

    from ..local.model_file import EMBEDDING_MODEL
    from ..local.serving import Models, serving

    async with serving(Models(file, name), port) as base_url:
        write_out(
            f"{base_url} answers; Ctrl-C ends it. In another window or in MindsDB:\n"
            f"  CREATE ML_ENGINE here FROM portkey USING base_url = '{base_url}';\n"
            f"  CREATE MODEL m PREDICT answer USING engine = 'here', model = '{name}', column = 'text';\n"
            f"Embeddings: mode = 'embedding', model = '{EMBEDDING_MODEL}'."
        )
        await asyncio.Event().wait()
