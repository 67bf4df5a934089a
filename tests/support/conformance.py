r"""Scripts of SQL that say what is expected, and hosts that run them.

A script is SQL. A comment that follows a statement says what is expected of it::

    SELECT id, answer FROM files.reviews AS t JOIN m LIMIT 1;
    -- expect:
    -- id,answer
    -- 1,<Boils fast>
    -- expect requests: 1

The rows are CSV: NULL is written NULL, a line break ``\n``. Their order counts where the statement ends in
ORDER BY; `-- expect partly:` compares the named columns only, `-- expect among:` does so and allows further
rows, `-- expect error: TEXT` wants this part in the message. Of one statement several errors can be expected.
A statement of which nothing is expected must not fail.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from packaging.version import Version
from pymysql.constants import FIELD_TYPE

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider

from .clients import Client
from .mindsdb import MindsDB, MindsDBError

FOLDER = Path(__file__).parents[1] / "conformance"
DATA = FOLDER / "data"
_ORDERED = re.compile(r"\bORDER\s+BY\b[^()]*$", re.IGNORECASE)
_MAKES_MODEL = re.compile(
    r"^(?:CREATE\s+(?:OR\s+REPLACE\s+)?MODEL\s+(?:IF\s+NOT\s+EXISTS\s+)?|RETRAIN\s+|FINETUNE\s+)([\w.]+)",
    re.IGNORECASE,
)
_MAKES_TABLE = re.compile(r"^CREATE\s+(?:OR\s+REPLACE\s+)?TABLE\b", re.IGNORECASE)
# Text in quotes, a comment, the end of a statement, or anything else.
_PIECES = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|;|[^'\"`;-]+|.", re.DOTALL)


@dataclass
class Expected:
    """What is expected of one statement; what is None is not looked at."""

    rows: str | None = None
    kind: Literal["all", "partly", "among"] = "all"
    errors: list[str] = field(default_factory=list)
    requests: int | None = None


@dataclass
class Statement:
    """One statement, and what is expected of it."""

    sql: str
    expected: Expected = field(default_factory=Expected)


@dataclass
class Result:
    """What a host answered: rows or an error, and the requests that reached the provider for it."""

    frame: pd.DataFrame | None
    error: str | None
    requests: int


def read_script(text: str) -> list[Statement]:
    """Split a script into statements and what is expected of each."""
    statements: list[Statement] = []
    sql, comments = "", []
    for piece in _PIECES.findall(text):
        if piece.startswith("--"):
            comments.append(piece[2:].removeprefix(" "))
        elif piece == ";":
            if statements:
                statements[-1].expected = _expected(comments)
            statements.append(Statement(sql.strip()))
            sql, comments = "", []
        else:
            sql += piece
    assert not sql.strip(), f"a statement without its semicolon: {sql.strip()}"
    statements[-1].expected = _expected(comments)
    return statements


def _expected(comments: list[str]) -> Expected:
    expected = Expected()
    rows: list[str] | None = None
    for line in comments:
        match = re.match(r"expect(?: (partly|among|error|requests))?:(.*)", line)
        if match is None:
            if rows is not None:
                rows.append(line)
        elif match[1] == "error":
            expected.errors.append(match[2].strip())
        elif match[1] == "requests":
            expected.requests = int(match[2])
        else:
            rows = []
            expected.kind = match[1] or "all"  # type: ignore[assignment]
    if rows is not None:
        expected.rows = "\n".join(rows)
    return expected


def complaint(statement: Statement, expected: Expected, result: Result) -> str | None:
    """Say how a result differs from what is expected; None where it doesn't."""
    if expected.errors:
        if result.error is None:
            return f"no error, but rows:\n{_text(result.frame)}"
        for error in expected.errors:
            if error not in result.error:
                return f"another error than {error!r}: {result.error[:2000]}"
    elif result.error is not None:
        return f"error: {result.error[:2000]}"
    elif expected.rows is not None and not _are(
        result.frame, expected, _ORDERED.search(statement.sql) is not None
    ):
        return f"other rows:\n{_text(result.frame)}"
    if expected.requests is not None and result.requests != expected.requests:
        return f"{result.requests} requests instead of {expected.requests}"
    return None


def _are(frame: pd.DataFrame | None, expected: Expected, ordered: bool) -> bool:
    wanted = list(csv.reader((expected.rows or "").splitlines(), strict=True))
    got = _table(frame, None if expected.kind == "all" else wanted[0])
    if expected.kind == "among":
        return all(row in got for row in wanted)
    if not ordered:
        wanted[1:], got[1:] = sorted(wanted[1:]), sorted(got[1:])
    return got == wanted


def _table(frame: pd.DataFrame | None, only: list[str] | None) -> list[list[str]]:
    assert frame is not None
    names = [str(name) for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    if only is not None:
        by_lower = {
            name.lower(): place for place, name in enumerate(names)
        }  # SHOW writes its names in capitals
        places = [by_lower[name.lower()] for name in only]
        names, rows = only, [[row[place] for place in places] for row in rows]
    return [names, *rows]


def _cell(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "NULL"
    if type(value).__name__ in {"bool", "bool_"}:  # numpy's has either name
        return str(bool(value)).lower()
    if isinstance(value, (float, Decimal)):
        return f"{value:f}".rstrip("0").rstrip(".")
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return str(value.date())
    return str(value).replace("\n", "\\n")


def _text(frame: pd.DataFrame | None) -> str:
    return "\n".join(",".join(row) for row in _table(frame, None))


def _read_from_mysql(frame: pd.DataFrame) -> pd.DataFrame:
    """Give values the types that they had before they were written for MySQL.

    Its protocol has neither booleans, which are the TINYINT 0 and 1, nor objects and lists, which are JSON.
    """
    types = frame.attrs.get("types", ())
    rows = [
        [_read_value(value, kind) for value, kind in zip(row, types, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    return pd.DataFrame(rows, columns=frame.columns, dtype=object)


def _read_value(value: Any, kind: int) -> Any:
    if kind == FIELD_TYPE.TINY:
        return None if value is None else bool(value)
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


class SessionHost:
    """The embedded session, new for every script, with the data in a folder of its own."""

    kinds = ("session",)

    def __init__(self, folder: Path) -> None:
        # MindsDB is not needed for the scripts' form to be checked, nor is the session.
        from portkey_handler.session import Session

        files = folder / "files"
        shutil.copytree(DATA, files)
        self._session = Session(files=files)

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement."""
        frame: pd.DataFrame = self._session.sql(sql)
        return frame

    def clean(self) -> None:
        """Leave nothing; the folder goes with the test."""


class MindsDBHost:
    """The running MindsDB server, which keeps what scripts make until it is cleaned."""

    def __init__(self, server: MindsDB, client: Client) -> None:
        self.kinds = client.kinds
        self._server = server
        self._client = client
        self._made_tables = False
        here = self._files()
        for path in DATA.glob("*.csv"):
            if path.stem not in here:
                server.upload(path.stem, path)

    @property
    def version(self) -> Version:
        """The server's version."""
        return self._server.version

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement, and wait for the model it makes."""
        self._made_tables |= _MAKES_TABLE.match(sql) is not None
        frame = self._client.run(sql)
        if "mysql" in self.kinds:
            frame = _read_from_mysql(frame)
        model = _MAKES_MODEL.match(sql)
        if model is not None:
            self._server.wait_for_model(model[1].split(".")[-1])
        return frame

    def _files(self) -> set[str]:
        return {str(row[0]) for row in self._server.query("SHOW TABLES FROM files").itertuples(index=False)}

    def clean(self) -> None:
        """Drop models, engines and files that a script has made, and the answers that were kept."""
        self._server.forget_answers()
        for model in self._names("SHOW MODELS"):
            self._server.query(f"DROP MODEL {model}")
        for engine in self._names("SHOW ML_ENGINES"):
            self._server.query(f"DROP ML_ENGINE {engine}")
        if self._made_tables:
            for name in self._files() - {path.stem for path in DATA.glob("*.csv")}:
                self._server.query(f"DROP TABLE files.{name}")
            self._made_tables = False

    def _names(self, sql: str) -> set[str]:
        frame = self._server.query(sql)
        return set() if frame.empty else set(frame["NAME"])


def run_script(
    text: str, run: Callable[[str], pd.DataFrame], provider: OfflineProvider
) -> Iterator[tuple[int, Statement, Result]]:
    """Run a script's statements one after the other; the numbers count from 1."""
    for number, statement in enumerate(read_script(text), start=1):
        before = _answerable(provider)
        frame, error = None, None
        try:
            frame = run(statement.sql)
        except (MindsDBError, PortkeyHandlerError) as failure:
            error = str(failure)
        yield number, statement, Result(frame, error, _answerable(provider) - before)


def _answerable(provider: OfflineProvider) -> int:
    return sum(request.method == "POST" for request in provider.requests)
