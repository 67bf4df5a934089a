"""A process that sends as often as the limits allow, and writes down when it did.

Usage: python limited.py FOLDER REQUESTS_PER_MINUTE SECONDS LOG
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from portkey_handler.execution.rate_limiter import RateLimiter
from portkey_handler.storage.rate_limit_store import RateLimitStore


async def main(folder: str, requests_per_minute: str, seconds: str, log: str) -> None:
    """Take turns with sixteen tasks, one line of `LOG` for each."""
    limits = RateLimiter(RateLimitStore(Path(folder)), "engine", float(requests_per_minute), None)
    lines = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    end = time.time() + float(seconds)

    async def send() -> None:
        while True:
            await limits.acquire(1)
            if (now := time.time()) >= end:
                return
            os.write(lines, f"{now!r}\n".encode())

    await asyncio.gather(*(send() for _ in range(16)))
    limits.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
