"""Runs the models' server in a process beside this one, while queries need it."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from .installed import check_installed
from .model_file import model_file

_MODULE = __name__.rpartition(".")[0]
#: Seconds in which the server is there.
_SECONDS = 60.0


class LocalServer:
    """The server of this process: started by the first query that needs it, and shared by all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._base_url = ""
        self._owner = 0
        self._queries = 0

    def start(self, folder: Path) -> None:
        """Start the server, unless it is running.

        Args:
            folder: The data directory, in which the language model's file is kept.

        Raises:
            UsageError: The extra `[local]` is missing, the model's file cannot be fetched, or the server does
                not start.
        """
        with self._lock:
            if not self._is_running():
                self._start(folder)

    @contextlib.contextmanager
    def used(self, folder: Path) -> Iterator[str]:
        """Give the base URL; the server stays at least for the `with` block. See `start`."""
        with self._lock:
            if not self._is_running():
                self._start(folder)
            self._queries += 1
        try:
            yield self._base_url
        finally:
            with self._lock:
                self._queries -= 1

    def stop_if_unused(self) -> None:
        """End the server, unless a query is using it."""
        with self._lock:
            if not self._queries:
                self._stop()

    def stop(self) -> None:
        """End the server."""
        with self._lock:
            self._stop()

    def _is_running(self) -> bool:
        # After a fork the server is that of the parent.
        return self._process is not None and self._owner == os.getpid() and self._process.poll() is None

    def _start(self, folder: Path) -> None:
        self._stop()  # one that was killed has open pipes
        check_installed()
        file = model_file(folder)
        process = subprocess.Popen(  # noqa: S603 - a constant command
            [sys.executable, "-m", _MODULE, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # llama.cpp writes pages of its own
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for this process, which ends that one when it is ready to
        )
        self._process, self._owner = process, os.getpid()
        said = _first_line(process)
        if said is None or not said.startswith("http://"):
            self._stop()
            raise UsageError(f"base_url = 'local': {_why_not(said, process.returncode)}")
        self._base_url = said
        atexit.register(self.stop)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """Return the environment of the server: this one without keys, and the modules of this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTKEY_")}
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _why_not(said: str | None, code: int) -> str:
    if said:
        return said.removeprefix("error: ")
    what = (
        f"its server was not ready within {_SECONDS:.0f} s"
        if said is None
        else f"its server ended before it was ready (exit code {code})"
    )
    return f"{what}; `portkey-handler local` shows why"


def _first_line(process: subprocess.Popen[bytes]) -> str | None:
    """Return the first line that the server writes, empty where it ended; None where none comes in time."""
    lines: queue.Queue[bytes] = queue.Queue()
    stream = process.stdout
    if stream is not None:
        threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        return lines.get(timeout=_SECONDS).decode(errors="replace").strip()
    except queue.Empty:
        process.kill()
        return None


SERVER = LocalServer()
