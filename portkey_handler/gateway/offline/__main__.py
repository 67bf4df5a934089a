"""`python -m portkey_handler.gateway.offline`: run the stand-in in a process of its own."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence

from .behaviour import Behaviour
from .server import OfflineProvider


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the base URL as one line, and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m portkey_handler.gateway.offline", description=main.__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--requests-per-second", type=float, help="answer 429 above this rate")
    parser.add_argument("--max-served", type=int, help="the most requests served at a time; others wait")
    given = vars(parser.parse_args(arguments))
    with OfflineProvider(port=given.pop("port"), behaviour=Behaviour(record=False, **given)) as provider:
        sys.stdout.write(f"{provider.base_url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
