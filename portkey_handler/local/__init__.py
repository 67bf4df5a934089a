"""A small language model and an embedding model on this machine: what `base_url = 'local'` stands for.

`model_file` fetches the language model once, `serving` is the server, which speaks OpenAI's protocol, and
`process` runs it beside a query. Nothing of the extra `[local]` is imported outside of the server's process.
"""

from __future__ import annotations

import sys


def stop_if_unused() -> None:
    """End the server that this process has started, if there is one and no query uses it."""
    process = sys.modules.get(f"{__name__}.process")
    if process is not None:
        process.SERVER.stop_if_unused()
