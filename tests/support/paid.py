"""What the stand-in was asked and what it answered, prompt by prompt; and a client that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

import portkey_handler
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.session import Session

CLIENT = Path(__file__).with_name("client.py")
#: Nothing in these tests takes so long; what does is stuck.
STUCK = 60.0


class Paid:
    """Answers of a stand-in, counted: an answer is paid for when the provider has made it.

    Attributes:
        answers: Prompt to how often it was answered.
        say: Makes the answer of a prompt and of how many answers there were; by default `answer_to`.
    """

    def __init__(self, provider: OfflineProvider) -> None:
        self.provider = provider
        self.answers: Counter[str] = Counter()
        self.say: Callable[[str, int], str] = lambda prompt, _: answer_to(prompt)
        self._changed = threading.Condition()
        self._then: list[tuple[int, Callable[[], None]]] = []
        provider.behaviour.answer = self._answer

    def _answer(self, body: Mapping[str, Any]) -> str:
        prompt = last_text(body)
        with self._changed:
            self.answers[prompt] += 1
            total = self.answers.total()
            due = [act for number, act in self._then if number == total]
            self._changed.notify_all()
        for act in due:
            act()
        return self.say(prompt, total)

    @property
    def total(self) -> int:
        """How many answers were made."""
        return self.answers.total()

    @property
    def twice(self) -> int:
        """How many answers were made that had been made before."""
        return self.answers.total() - len(self.answers)

    @property
    def asked(self) -> int:
        """How many requests came in, the engine's probe aside."""
        return len(self.posts)

    @property
    def posts(self) -> list[RecordedRequest]:
        """The requests that came in, the engine's probe aside."""
        return [request for request in self.provider.requests if request.method == "POST"]

    def wait(self, total: int) -> None:
        """Return when so many answers have been made."""
        with self._changed:
            reached = self._changed.wait_for(lambda: self.answers.total() >= total, STUCK)
        assert reached, f"{self.total} answers instead of {total} after {STUCK:g} s"

    def after(self, total: int, act: Callable[[], None]) -> None:
        """Do something in the stand-in's thread when so many answers have been made."""
        self._then.append((total, act))

    def since(self) -> Callable[[], int]:
        """Give a function that tells how many requests came in from now on."""
        before = self.asked
        return lambda: self.asked - before


class Arrivals:
    """A fault for the requests that match, and an event for their arrival.

    Args:
        fault: What goes wrong with them; None: nothing.
        only: Which requests are meant; by default every POST.
    """

    def __init__(self, fault: Fault | None, only: Callable[[str], bool] = lambda _: True) -> None:
        self._fault = fault
        self._only = only
        self._changed = threading.Condition()
        self.count = 0

    def __call__(self, request: RecordedRequest) -> Fault | None:
        """Say what goes wrong with a request."""
        if request.method != "POST" or not self._only(last_text(request.body)):
            return None
        with self._changed:
            self.count += 1
            self._changed.notify_all()
        return self._fault

    def wait(self, count: int) -> None:
        """Return when so many have come in."""
        with self._changed:
            reached = self._changed.wait_for(lambda: self.count >= count, STUCK)
        assert reached, f"{self.count} requests instead of {count} after {STUCK:g} s"


def answer_to(prompt: str) -> str:
    """Give what the stand-in says to a prompt: it tells whose answer it is."""
    return f"the answer to {prompt}"


@dataclass(frozen=True)
class Ended:
    """How a client ended.

    Attributes:
        rows: The rows of the last statement; None where it failed.
    """

    code: int
    rows: list[dict[str, Any]] | None
    stderr: str


class Client:
    """A process of its own that runs SQL; a context manager that leaves no process behind.

    Args:
        sql: The statements.
        files: The folder of their tables.
        home: Its PORTKEY_HANDLER_HOME.
        largest_file: The most bytes that a file of this process may have, as on a disk that is full.
        umask: What the process takes from the modes of its files.
        environment: More variables of its environment.
        quick_batches: Whether it looks at its batches without a pause.
    """

    def __init__(
        self,
        sql: str,
        files: Path,
        home: Path,
        *,
        largest_file: int | None = None,
        umask: int | None = None,
        environment: Mapping[str, str] | None = None,
        quick_batches: bool = False,
    ) -> None:
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("PORTKEY_")}
        self._process = subprocess.Popen(
            # Isolated: beside the script are modules that are called like others.
            [sys.executable, "-I", str(CLIENT)],
            env={**inherited, **(environment or {}), "PORTKEY_HANDLER_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        task = {
            "sql": sql,
            "package": str(Path(portkey_handler.__file__).parents[1]),
            "files": str(files),
            "largest_file": largest_file,
            "umask": umask,
            "quick_batches": quick_batches,
        }
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> Client:
        """Return the client, which runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it where it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill it as nothing can be prepared for, and wait until it is gone."""
        self._process.kill()
        self._process.communicate()

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Press Ctrl-C, or send another signal."""
        self._process.send_signal(number)

    def wait(self) -> Ended:
        """Wait for its end."""
        stdout, stderr = self._process.communicate(timeout=STUCK)
        code = self._process.returncode
        return Ended(code, json.loads(stdout) if code == 0 else None, stderr)


def run_here(sql: str, files: Path) -> pd.DataFrame:
    """Run SQL as a client would, in this process, which is quicker and shares nothing but the journal."""
    with Session(files=files) as session:
        return session.sql(sql)


def run_client(sql: str, files: Path, home: Path, **limits: Any) -> Ended:
    """Run a client to its end."""
    with Client(sql, files, home, **limits) as client:
        return client.wait()
