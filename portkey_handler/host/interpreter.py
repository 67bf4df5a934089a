"""Run code in a process of another Python interpreter, which answers in JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from ..errors import InstallError

# The current folder does not belong to that interpreter.
_APART = """
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
"""


def ask(
    python: str,
    code: str,
    asked: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> dict[str, Any]:
    """Run code with an interpreter, and return the last line that it prints, read as JSON.

    Args:
        python: The interpreter.
        code: What runs there.
        asked: The input of the code, which reads it as JSON from its standard input.
        environment: The environment variables of the process; by default those of this one.
        seconds: The most seconds that it may take.

    Raises:
        InstallError: There is no answer. The message has the last line of the output.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter the user names is the point
            [python, "-B", "-c", _APART + code],  # -B: no bytecode is written
            input=json.dumps(asked),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        told: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except subprocess.TimeoutExpired:
        raise InstallError(f"{python} did not answer within {seconds:g} s") from None
    except OSError as error:
        raise InstallError(f"{python} cannot be run: {error.strerror}") from None
    except ValueError:
        last = done.stderr.strip().rpartition("\n")[2]
        raise InstallError(f"{python} failed: {last or f'exit code {done.returncode}'}") from None
    return told
