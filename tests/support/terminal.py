"""A terminal of 80 columns in which a command runs, and what a person would see on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import pyte

COLUMNS, LINES = 80, 24
PATIENCE = 60.0  # seconds; what is waited for comes in one


class Terminal:
    """Runs Python with a terminal for stdin, stdout and stderr; reads only while it is asked to.

    Attributes:
        process: What runs in it.
        screen: What stands on it now.
        written: All that was written to it, control sequences included.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._environment = {**os.environ, "TERM": "xterm-256color", **environment}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            self._environment.pop(name, None)
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""

    def __enter__(self) -> Terminal:
        """Start."""
        self._main, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, *self._arguments],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=self._environment,
        )
        os.close(inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without empty lines and blanks at the right."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def type(self, keys: bytes) -> None:
        """Type on its keyboard."""
        os.write(self._main, keys)

    def wait_for(self, seen: Callable[[Terminal], bool]) -> None:
        """Read until it is seen.

        Raises:
            AssertionError: It is not seen in time, or the command has ended before.
        """
        until = time.monotonic() + PATIENCE
        while not seen(self):
            assert self._read(until), f"not seen: {self.lines}"

    def finish(self) -> int:
        """Read to the end, and give the exit code."""
        until = time.monotonic() + PATIENCE
        while self._read(until):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, until: float) -> bool:
        ready, _, _ = select.select([self._main], [], [], max(0.0, until - time.monotonic()))
        chunk = b""
        if ready:
            with contextlib.suppress(OSError):  # the other end is closed
                chunk = os.read(self._main, 65536)
        self._stream.feed(chunk)
        self.written += chunk
        return bool(chunk)
