"""`python -m portkey_handler.local FILE`: serve the models until standard input is closed.

Standard input is held open by the process that asks; so the server ends with it, even when it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from ..errors import PortkeyHandlerError
from .serving import Models, serving, until_stdin_ends


async def _serve(file: Path) -> None:
    async with serving(Models(file)) as base_url:
        sys.stdout.write(f"{base_url}\n")
        sys.stdout.flush()
        await until_stdin_ends()


def main() -> None:
    """Write the base URL as one line, or why there is none, and serve."""
    try:
        asyncio.run(_serve(Path(sys.argv[1])))
    except PortkeyHandlerError as error:
        sys.stdout.write(f"error: {error}\n")
        sys.stdout.flush()
    # Requests that are in the language model cannot be interrupted, and nobody waits for them.
    os._exit(0)


if __name__ == "__main__":
    main()
