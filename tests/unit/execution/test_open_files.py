"""More requests in flight than the system has open files for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from portkey_handler.gateway.offline import OfflineProvider

resource = pytest.importorskip("resource")

SCRIPT = """
import resource, sys
soft, hard, concurrency, url = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
import pandas as pd
import portkey_handler, aiohttp, duckdb, portkey_ai  # loaded before the limit, which imports need not meet
from portkey_handler import ask
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
frame = pd.DataFrame({"q": [f"question {number}" for number in range(600)]})
answers = ask(frame, engine={"base_url": url}, model="m", column="q", concurrency=concurrency)
print(answers["answer"].notna().sum(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def run(
    provider: OfflineProvider, soft: int, hard: int, concurrency: int
) -> subprocess.CompletedProcess[str]:
    """Ask 600 rows in a process with these limits."""
    provider.behaviour.latency = 0.05
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(soft), str(hard), str(concurrency), provider.base_url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_the_limit_is_raised_where_that_is_allowed(provider: OfflineProvider) -> None:
    """Most systems begin with 1,024 and allow many more."""
    done = run(provider, 128, 4096, 300)
    assert done.returncode == 0, done.stderr
    answered, limit = map(int, done.stdout.split())
    assert answered == 600
    assert limit >= 300
    assert "open files" not in done.stderr


@pytest.mark.slow
def test_else_fewer_are_in_flight(provider: OfflineProvider) -> None:
    """It ended in an OSError with hundreds of requests paid and nothing kept; now it is said once."""
    done = run(provider, 150, 150, 500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["600", "150"]
    assert done.stderr.count("the system's limit of open files leaves room for") == 1
