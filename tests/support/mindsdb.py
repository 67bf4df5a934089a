"""A real MindsDB server in an environment of its own, on loopback, with the handler installed into it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import pandas as pd
import psutil
from packaging.version import Version

from .gateway import free_port

ROOT = Path(__file__).parents[2]
VERSION = "import importlib.metadata; print(importlib.metadata.version('mindsdb'))"
INSTALL = "from portkey_handler.host.install import install; print(install())"
READY_WITHIN = 120.0  # seconds; ten on an idle machine


class MindsDBUnavailable(Exception):  # noqa: N818 - a reason to skip, not a fault
    """MindsDB can't be had here; the message says why."""


class MindsDBError(Exception):
    """What MindsDB answered instead of rows."""


def mindsdb_python() -> Path:
    """Give the interpreter of the environment that has MindsDB and the built wheel.

    Raises:
        MindsDBUnavailable: There is none, or one of the two is not installed there.
    """
    python = Path(os.environ.get("PORTKEY_TEST_MINDSDB_PYTHON") or ROOT / ".venv-mindsdb" / "bin" / "python")
    # Not resolved: the link in a virtual environment is what makes it one.
    python = Path(os.path.abspath(python))  # noqa: PTH100
    if not python.exists():
        raise MindsDBUnavailable(f"there is no {python}; `make test` makes it")
    return python


def run_python(python: Path, code: str, cwd: Path) -> str:
    """Run code in MindsDB's environment, away from the checkout, and give what it printed.

    Raises:
        MindsDBUnavailable: It failed.
    """
    done = subprocess.run(
        [python, "-c", code], cwd=cwd, env=environment_of(cwd), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MindsDBUnavailable(f"{python}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def environment_of(folder: Path) -> dict[str, str]:
    """Give an environment without keys, proxies and paths of the one who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONSAFEPATH": "1"}


class MindsDB:
    """A MindsDB server as a group of processes of its own, listening on 127.0.0.1 only.

    Attributes:
        log: What the server and its workers said, at level DEBUG.
        port: Where it listens for HTTP.
        mysql_port: Where it listens for clients of MySQL.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        python: Path | None = None,
        *,
        install: bool = True,
        jobs: bool = False,
    ) -> None:
        """Take the folder for its data, more variables of its environment, and its interpreter.

        With `install` the handler is put into it at the start, with `jobs` its jobs run. It may be started
        again, in the same folder.
        """
        self.python = python or mindsdb_python()
        self.folder = folder
        self.env = env
        self.install = install
        self.jobs = jobs
        self.log = folder / "mindsdb.log"
        self.port = free_port()
        self.mysql_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @property
    def variables(self) -> dict[str, str]:
        """Give the variables by which it, and who examines it, finds everything."""
        return {
            **self.env,
            "MINDSDB_STORAGE_DIR": str(self.folder / "storage"),
            "MINDSDB_CONFIG_PATH": str(self.folder / "config.json"),
        }

    def __enter__(self) -> MindsDB:
        """Start, wait until it answers.

        Raises:
            MindsDBUnavailable: It does not start.
        """
        storage = self.folder / "storage"
        storage.mkdir(exist_ok=True)
        if self.install:
            run_python(self.python, INSTALL, self.folder)
        Path(self.variables["MINDSDB_CONFIG_PATH"]).write_text(json.dumps(self._config()))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", "mindsdb", "--api=http,mysql", "--no_studio"],
                cwd=self.folder,
                env={**environment_of(self.folder), **self.variables, "MINDSDB_LOG_LEVEL": "DEBUG"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its workers go with it
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @functools.cached_property
    def version(self) -> Version:
        """The version of MindsDB."""
        return Version(run_python(self.python, VERSION, self.folder).strip())

    def _config(self) -> dict[str, Any]:
        return {
            "api": {
                "http": {"host": "127.0.0.1", "port": str(self.port)},
                "mysql": {"host": "127.0.0.1", "port": str(self.mysql_port)},
            },
            # Its scheduler looks for due jobs every so many seconds and, at random, one to ten more.
            "jobs": {"disable": not self.jobs, "check_interval": 0},
            "tasks": {"disable": True},  # a process that nobody here needs
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                self._request("GET", "/api/status", timeout=5)
                return
            time.sleep(0.2)
        raise MindsDBUnavailable(f"MindsDB did not start: {self.log.read_text(errors='replace')[-1000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and its workers, and nothing else."""
        if self._process is None:
            return
        group = self._process.pid  # it leads a session of its own
        for sign, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self._process = None

    def restart(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stop all its processes by a signal, and start it again with what it has stored.

        Raises:
            MindsDBUnavailable: It does not start.
        """
        assert self._process is not None
        os.killpg(self._process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self.__exit__(None, None, None)  # what has outlived the signal
        self.__enter__()

    def kill_workers(self, port: int) -> int:
        """Kill its processes that have a connection to a port, without a word; give how many there were."""
        assert self._process is not None
        killed = 0
        for process in psutil.Process(self._process.pid).children(recursive=True):
            if any(one.raddr and one.raddr.port == port for one in process.net_connections("tcp4")):
                process.kill()
                killed += 1
        return killed

    def forget_answers(self) -> None:
        """Remove journal and ledger, so that whoever comes next pays for his own questions, and sees them."""
        home = self.folder / "storage" / "portkey_handler"
        shutil.rmtree(home / "journal", ignore_errors=True)
        for path in home.glob("ledger.sqlite*"):
            path.unlink()

    def query(self, sql: str, timeout: float = 300, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Run one statement and give its rows; a statement without rows gives an empty frame.

        Args:
            sql: The statement.
            timeout: Seconds to wait for the answer.
            params: What stands there as `:name`.

        Raises:
            MindsDBError: MindsDB says the statement failed.
        """
        body = {"query": sql, "params": dict(params or {})}
        answer = self._json("POST", "/api/sql/query", body, timeout)
        if answer["type"] == "error":
            raise MindsDBError(answer["error_message"])
        if answer["type"] != "table":
            return pd.DataFrame()
        return pd.DataFrame(answer["data"], columns=answer["column_names"], dtype=object)

    def upload(self, name: str, path: Path) -> None:
        """Make a file a table of `files`."""
        boundary = uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        self._request(
            "PUT",
            f"/api/files/{name}",
            head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )

    def wait_for_model(self, name: str, seconds: float = 60, project: str = "mindsdb") -> None:
        """Wait until no version of a model is under way.

        Raises:
            MindsDBError: The latest version has failed, or is not there in time.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            versions = self.query(
                f"SELECT version, status, error FROM {project}.models WHERE name = '{name}'"
            )
            versions.columns = [str(column).lower() for column in versions.columns]
            if not versions.empty and not {"generating", "training"} & set(versions["status"]):
                latest = versions.sort_values("version").iloc[-1]
                if latest["status"] == "error":
                    raise MindsDBError(latest["error"])
                return
            time.sleep(0.03)
        raise MindsDBError(f"model {name} is not complete after {seconds:g} s")

    def get(self, path: str) -> bytes:
        """Give what the server answers under a path.

        Raises:
            MindsDBError: It answers with an error.
        """
        return self._request("GET", path)

    def put(self, path: str, body: Any) -> Any:
        """Send an object as JSON, and give what comes back.

        Raises:
            MindsDBError: The server answers with an error.
        """
        return self._json("PUT", path, body)

    def _json(self, method: str, path: str, body: Any, timeout: float = 60) -> Any:
        data = json.dumps(body).encode()
        return json.loads(self._request(method, path, data, {"Content-Type": "application/json"}, timeout))

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, dict(headers or {}), method=method
        )
        try:
            with self._plain.open(request, timeout=timeout) as reply:
                data: bytes = reply.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise MindsDBError(f"{error.code}: {text}") from None
        return data
