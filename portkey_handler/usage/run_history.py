"""The run history on disk: a record per query, the last failures, and the usage of each day.

All engines and models share one SQLite file; their records are found by the names that the host gives them.
Several processes may use the file. A query writes once, at its end, in one transaction, which also deletes
records that are too many or too old. The file holds no prompts, answers or keys. A failure has its reason,
cut to 200 characters, or only its kind (option `keep_reasons`), and the name of its row (`RowNames`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import NewerFileError, PortkeyHandlerError
from ..foreign_text import logger_of
from ..storage.sqlite import reading, reason_of, writing
from .query_usage import Failure, LatencyHistogram, ModelUsage
from .run_record import COLUMNS, RunRecord, made_of, read_details, read_latencies, written_latencies

logger = logger_of(__name__)

_MOST_RUNS = 1_000
_MOST_ERRORS = 100
_DAYS = 400
_BUSY_SECONDS = 2.0
#: See `storage.sqlite`. A new attribute of `RunRecord`, `Failure`, `DailyUsage` or `ModelUsage` needs a
#: default, and its own migration at the end of this list: `("ALTER TABLE … ADD COLUMN …",)`.
MIGRATIONS = (
    (
        """
        CREATE TABLE IF NOT EXISTS runs (
            number INTEGER PRIMARY KEY, engine, model, started, seconds, rows, distinct_items, unasked,
            answered, failed, kept, copies, cut_off, gateway_hits, requests, prompt_tokens, completion_tokens,
            cached_tokens, cost, unpriced, trace_id, ended, details TEXT
        )
        """,
        "CREATE INDEX IF NOT EXISTS runs_of_model ON runs (engine, model)",
        "CREATE INDEX IF NOT EXISTS runs_by_age ON runs (started)",
        """
        CREATE TABLE IF NOT EXISTS errors (
            number INTEGER PRIMARY KEY, engine, model, at, row, reason, status, trace_id, span_id
        )
        """,
        "CREATE INDEX IF NOT EXISTS errors_of_model ON errors (engine, model)",
        "CREATE INDEX IF NOT EXISTS errors_by_age ON errors (at)",
        """
        CREATE TABLE IF NOT EXISTS usage (
            day, engine, model, answered_by, queries, rows, requests, answered, failed, kept, answers,
            prompt_tokens, completion_tokens, cached_tokens, cost, unpriced, latencies,
            PRIMARY KEY (day, engine, model, answered_by)
        ) WITHOUT ROWID
        """,
    ),
    # What queries have spent that are not recorded yet: running ones, and those that were killed.
    ("CREATE TABLE running (query PRIMARY KEY, day, engine, cost) WITHOUT ROWID",),
    (
        "ALTER TABLE runs ADD COLUMN cache_write_tokens",
        "ALTER TABLE usage ADD COLUMN cache_write_tokens",
    ),
)


@dataclass(slots=True)
class DailyUsage:
    """The usage of one model in SQL, by one model behind the gateway, on one day.

    The counts of a query are added once, to the model that gave most of its answers, so that they can be
    summed up.

    Attributes:
        day: The day in UTC, as 2026-01-31.
        answered_by: The provider's name of the model that answered; if none did, the model that was asked.
        queries: Queries that began on the day.
        rows: Rows of these queries.
        requests: Requests sent, retries included.
        answered: Rows with an answer, cached ones and copies included.
        failed: Rows that were tried and have no answer.
        kept: Rows served from the answer cache.
        use: Tokens, cost and latencies of the answers of `answered_by`.
    """

    day: str
    answered_by: str
    queries: int = 0
    rows: int = 0
    requests: int = 0
    answered: int = 0
    failed: int = 0
    kept: int = 0
    use: ModelUsage = field(default_factory=ModelUsage)


_COUNTS = tuple(one.name for one in fields(DailyUsage) if one.name not in ("day", "answered_by", "use"))
_USED = tuple(one.name for one in fields(ModelUsage) if one.name != "latencies")
_FAILURE = tuple(one.name for one in fields(Failure))


class RunHistory:
    """The run history in a folder.

    Args:
        folder: The folder of its file. A missing folder is created, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite"

    def record(self, run: RunRecord, failures: Sequence[Failure], query: str = "") -> None:
        """Record a query at its end. A problem with the file is a warning, not an error.

        Args:
            run: The record.
            failures: Its last failures.
            query: The id that the query has spent under; see `spend`.
        """
        try:
            try:
                self._record(run, failures, query)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._record(run, failures, query)  # into a new file: the damaged one was renamed
        except NewerFileError as error:
            logger.warning("what the query used is not recorded: %s", error)
        except (OSError, sqlite3.Error, ValueError, OverflowError) as error:
            logger.warning(
                "what the query used is not recorded: %s cannot be used: %s", self.path, reason_of(error)
            )

    def _record(self, run: RunRecord, failures: Sequence[Failure], query: str) -> None:
        with writing(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
            values = [_clean(getattr(run, name)) for name in COLUMNS]
            _insert(connection, "INSERT", "runs", (*COLUMNS, "details"), (*values, run.details()))
            owner = (_clean(run.engine), _clean(run.model))
            for one in failures:
                values = [_clean(getattr(one, name)) for name in _FAILURE]
                _insert(connection, "INSERT", "errors", ("engine", "model", *_FAILURE), (*owner, *values))
            for day in _use_of(run):
                _add(connection, owner, day)
            connection.execute("DELETE FROM running WHERE query = ?", (query,))
            _clean_up(connection, *owner)

    def spend(self, engine: str, query: str, day: str, cost: float) -> float:
        """Note what a running query has cost so far; return what the engine's others of the day have cost.

        Args:
            engine: The engine's name.
            query: An id of the query.
            day: The day in UTC, as 2026-01-31.
            cost: US dollars.

        Raises:
            PortkeyHandlerError: The file cannot be used.
        """
        name = _clean(engine)
        try:
            with writing(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                connection.execute("REPLACE INTO running VALUES (?, ?, ?, ?)", (query, day, name, cost))
                return _spent(connection, name, day, query)
        except (OSError, sqlite3.Error) as error:
            raise PortkeyHandlerError(f"{self.path} cannot be used: {reason_of(error)}") from error

    def spent(self, engine: str, day: str) -> float:
        """Return what an engine's queries of a day have cost, running ones included; see `spend`.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        try:
            if not self.path.exists():
                return 0.0
            with reading(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                return _spent(connection, _clean(engine), day, "")
        except (OSError, sqlite3.Error) as error:
            raise PortkeyHandlerError(f"{self.path} cannot be read: {reason_of(error)}") from error

    def runs(
        self, engine: str | None = None, model: str | None = None, *, most: int = _MOST_RUNS
    ) -> list[RunRecord]:
        """Return the last runs, newest first; only those of `engine` and `model`, if given.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        rows = self._read("runs", engine, model, f"ORDER BY number DESC LIMIT {most:d}")
        return [made_of(RunRecord, {**row, **read_details(row["details"])}) for row in rows]

    def failures(self, engine: str, model: str) -> list[Failure]:
        """Return the last hundred failures of a model, newest first.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        rows = self._read("errors", engine, model, f"ORDER BY number DESC LIMIT {_MOST_ERRORS:d}")
        return [made_of(Failure, row) for row in rows]

    def usage(self, engine: str, model: str) -> list[DailyUsage]:
        """Return the usage of a model by day, newest first.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        rows = self._read("usage", engine, model, "ORDER BY day DESC, answered_by")
        return [_day(row) for row in rows]

    def usage_of_all(self) -> list[tuple[str, str, DailyUsage]]:
        """Return the engine, the model and its usage on a day, for all models, newest first.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        rows = self._read("usage", None, None, "ORDER BY day DESC, engine, model, answered_by")
        return [(row["engine"], row["model"], _day(row)) for row in rows]

    def models(self) -> list[tuple[str, str]]:
        """Return the engine and the name of every model that has a run.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        rows = self._read("runs", None, None, "GROUP BY engine, model", select="engine, model")
        return [(row["engine"], row["model"]) for row in rows]

    def _read(
        self, table: str, engine: str | None, model: str | None, end: str, *, select: str = "*"
    ) -> list[dict[str, Any]]:
        given = {"engine": engine, "model": model}
        wanted = {name: value for name, value in given.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in wanted) or "true"
        statement = f"SELECT {select} FROM {table} WHERE {where} {end}"  # noqa: S608 - constant names
        try:
            if not self.path.exists():
                return []
            with reading(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                return _named(connection.execute(statement, wanted))
        except (OSError, sqlite3.Error) as error:
            raise PortkeyHandlerError(f"{self.path} cannot be read: {reason_of(error)}") from error


def _spent(connection: sqlite3.Connection, engine: str, day: str, query: str) -> float:
    """Return what the queries of an engine have cost on a day, without one of them."""
    where = "WHERE day = ? AND engine = ?"
    [finished] = connection.execute(f"SELECT total(cost) FROM usage {where}", (day, engine)).fetchone()  # noqa: S608 - a constant
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'running'").fetchone():
        return float(finished)  # a file of an earlier release, which is only read
    [running] = connection.execute(
        f"SELECT total(cost) FROM running {where} AND query != ?",  # noqa: S608 - a constant
        (day, engine, query),
    ).fetchone()
    return float(finished + running)


def _use_of(run: RunRecord) -> Iterator[DailyUsage]:
    """Yield the usage of a run by model that answered."""
    day = datetime.fromtimestamp(run.started, timezone.utc).date().isoformat()
    given = {name: use.answers for name, use in run.models.items()} or run.kept_by
    first = max(given, key=given.__getitem__, default=run.asked)
    counts = (1, run.rows, run.requests, run.answered, run.failed, run.kept)
    yield DailyUsage(day, first or run.asked, *counts, use=run.models.get(first) or ModelUsage())
    for name, use in run.models.items():
        if name != first:
            yield DailyUsage(day, name or run.asked, use=use)


def _add(connection: sqlite3.Connection, owner: tuple[str, str], new: DailyUsage) -> None:
    key = (new.day, *owner, _clean(new.answered_by))
    found = _named(
        connection.execute(
            "SELECT * FROM usage WHERE day = ? AND engine = ? AND model = ? AND answered_by = ?", key
        )
    )
    old = _day(found[0]) if found else DailyUsage(new.day, new.answered_by)
    counts = [getattr(old, name) + getattr(new, name) for name in _COUNTS]
    used = [getattr(old.use, name) + getattr(new.use, name) for name in _USED]
    latencies = written_latencies(LatencyHistogram(old.use.latencies.counts + new.use.latencies.counts))
    columns = ("day", "engine", "model", "answered_by", *_COUNTS, *_USED, "latencies")
    _insert(connection, "REPLACE", "usage", columns, (*key, *counts, *used, latencies))


def _day(row: dict[str, Any]) -> DailyUsage:
    use = made_of(ModelUsage, {**row, "latencies": read_latencies(row["latencies"])})
    return made_of(DailyUsage, {**row, "use": use})


def _named(found: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Return rows as dicts by column name."""
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _clean_up(connection: sqlite3.Connection, engine: str, model: str) -> None:
    # From the last record but one: a clock that was once wrong must not delete everything before it.
    found = connection.execute("SELECT started FROM runs ORDER BY number DESC LIMIT 1 OFFSET 1").fetchone()
    oldest = min(time.time(), found[0] if found else 0.0) - _DAYS * 86_400
    for table, most, age in (("runs", _MOST_RUNS, "started"), ("errors", _MOST_ERRORS, "at")):
        connection.execute(
            f"DELETE FROM {table} WHERE engine = :engine AND model = :model AND number <= "  # noqa: S608 - constant names
            f"(SELECT number FROM {table} WHERE engine = :engine AND model = :model "
            f"ORDER BY number DESC LIMIT 1 OFFSET {most:d})",
            {"engine": engine, "model": model},
        )
        connection.execute(f"DELETE FROM {table} WHERE {age} < ?", (oldest,))  # noqa: S608 - constant names
    day = datetime.fromtimestamp(max(0.0, oldest), timezone.utc).date().isoformat()
    for table in ("usage", "running"):
        connection.execute(f"DELETE FROM {table} WHERE day < ?", (day,))  # noqa: S608 - constant names


def _insert(
    connection: sqlite3.Connection, verb: str, table: str, names: Sequence[str], values: Sequence[Any]
) -> None:
    places = ", ".join("?" * len(names))
    connection.execute(f"{verb} INTO {table} ({', '.join(names)}) VALUES ({places})", values)


def _clean(value: Any) -> Any:
    """Return a value that SQLite can store: text without lone surrogates."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
