"""Asking a Python interpreter: code that runs in a process of it and answers in JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from ..errors import InstallError

# The folder we happen to be in is no part of that interpreter.
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
    """Run code with an interpreter, and give what it prints in its last line, as JSON.

    Args:
        python: The interpreter.
        code: What runs there.
        asked: What the code reads from its standard input, as JSON.
        environment: The variables that it sees; by default ours.
        seconds: How long it may take.

    Raises:
        InstallError: There is no answer; the message has the last line of what was said instead.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter the user names is the point
            [python, "-B", "-c", _APART + code],  # -B: nothing compiled is left behind
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
