"""What was asked and answered, on disk, for models that say `keep_prompts = true`: their last 1,000 rows.

Each model has a SQLite file of its own, so that all of it can be deleted. It is written at the end of a
query. Of equal rows it has the first one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import FileError, NewerFileError, PortkeyHandlerError
from ..foreign_text import logger_of
from ..records import Evidence, Item, Outcome, Request, RowNames, Skipped
from ..storage.sqlite import reading, reason_of, writing
from .estimate.request_text import prompt_of

logger = logger_of(__name__)

_MOST_ROWS = 1_000
_LONGEST_TEXT = 10_000
_DAYS = 30
_BUSY_SECONDS = 2.0
#: See `storage.sqlite`.
MIGRATIONS = (
    (
        """
        CREATE TABLE IF NOT EXISTS rows (
            number INTEGER PRIMARY KEY, at, row, prompt, answer, reason, model, kept_from, trace_id, span_id
        )
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A row that was asked.

    Attributes:
        at: When its outcome was there, in seconds since 1970.
        row: The row's name; see `RowNames.of`.
        prompt: What the model read, as text; None for a row that could not be sent.
        answer: The answer, as text or JSON; None without one.
        reason: Why there is no answer, or None.
        model: The model that answered, by the provider's name, or None.
        kept_from: When the answer was made, in seconds since 1970, where it came from the answer cache.
        trace_id: The trace under which the gateway logs the query.
        span_id: The span in it under which the gateway logs the row.
    """

    at: float
    row: int | str
    prompt: str | None
    answer: str | None
    reason: str | None
    model: str | None
    kept_from: float | None
    trace_id: str | None
    span_id: str | None


_COLUMNS = tuple(one.name for one in fields(AskedRow))


class AskedRows:
    """The last rows of one query, noted while it runs.

    Args:
        ask: The operation's generator of requests.
        items: Makes the items of some rows, by their numbers.
        names: The names of the rows.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Item]], Any],
        items: Callable[[Sequence[int]], Iterable[Item | Skipped]],
        names: RowNames,
    ) -> None:
        self._ask = ask
        self._items = items
        self._names = names
        self._noted: deque[tuple[float, int, Outcome]] = deque(maxlen=_MOST_ROWS)

    def note(self, row: int, outcome: Outcome) -> None:
        """Note the outcome of a row; a row with nothing to ask is left out."""
        if outcome.failed or outcome.evidence is not None:
            self._noted.append((time.time(), row, outcome))

    def rows(self) -> list[AskedRow]:
        """Return the noted rows; their prompts are made again from the table."""
        items = self._items([row for _, row, _ in self._noted])
        return [
            self._row(at, row, outcome, item)
            for (at, row, outcome), item in zip(self._noted, items, strict=True)
        ]

    def _row(self, at: float, row: int, outcome: Outcome, item: Item | Skipped) -> AskedRow:
        evidence = outcome.evidence or Evidence()
        return AskedRow(
            at,
            self._names.of(row),
            None if isinstance(item, Skipped) else _cut(self._prompt(item)),
            _cut(_text(outcome.value)),
            _cut(outcome.reason),
            evidence.model,
            evidence.kept_from,
            evidence.trace_id,
            evidence.span_id,
        )

    def _prompt(self, item: Item) -> str:
        steps = self._ask([item])
        request: Request = next(steps)
        steps.close()
        return prompt_of(request.body)


class KeptPrompts:
    """The file of one model.

    Args:
        folder: The data directory.
        engine: The engine's name.
        model: The model's name in SQL.
    """

    def __init__(self, folder: Path, engine: str, model: str) -> None:
        names = json.dumps([engine.lower(), model.lower()])
        digest = hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
        self.path = folder / "prompts" / f"{digest}.sqlite"

    def add(self, rows: Sequence[AskedRow]) -> None:
        """Add rows, and delete those that are too many or too old. A problem is a warning, not an error."""
        if not rows:
            return
        try:
            self._delete_old_files()
            with writing(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                connection.execute("PRAGMA secure_delete = ON")
                places = ", ".join("?" * len(_COLUMNS))
                connection.executemany(
                    f"INSERT INTO rows ({', '.join(_COLUMNS)}) VALUES ({places})",  # noqa: S608 - constant names
                    [tuple(map(_clean, astuple(row))) for row in rows],
                )
                connection.execute(
                    "DELETE FROM rows WHERE at < ? OR number <= "
                    "(SELECT number FROM rows ORDER BY number DESC LIMIT 1 OFFSET ?)",
                    (_oldest(), _MOST_ROWS),
                )
        except (OSError, sqlite3.Error, NewerFileError) as error:
            why = error if isinstance(error, NewerFileError) else reason_of(error)
            logger.warning("the prompts of this query are not kept: %s: %s", self.path, why)

    def rows(self) -> list[AskedRow]:
        """Return the kept rows, newest first.

        Raises:
            PortkeyHandlerError: The file cannot be read.
        """
        query = (
            f"SELECT {', '.join(_COLUMNS)} FROM rows WHERE at >= ? "  # noqa: S608 - constant names
            f"ORDER BY number DESC LIMIT {_MOST_ROWS:d}"
        )
        try:
            if not self.path.exists():
                return []
            with reading(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                found = connection.execute(query, (_oldest(),)).fetchall()
        except (OSError, sqlite3.Error) as error:
            raise PortkeyHandlerError(f"{self.path} cannot be read: {reason_of(error)}") from error
        return [AskedRow(**dict(zip(_COLUMNS, row, strict=True))) for row in found]

    def forget(self) -> None:
        """Delete what is kept.

        Raises:
            FileError: It is there, and cannot be deleted.
        """
        if not os.access(self.path.parent, os.R_OK | os.X_OK):
            return  # there is no folder, or this user has kept nothing in it
        try:
            for path in self.path.parent.glob(f"{self.path.name}*"):  # SQLite's side files, damaged files
                path.unlink(missing_ok=True)
        except OSError as error:
            raise FileError.of(error) from None

    def _delete_old_files(self) -> None:
        """Delete the files of models that were not asked for long; some were dropped."""
        for path in self.path.parent.glob("*.sqlite*"):
            with contextlib.suppress(FileNotFoundError):
                if path.name != self.path.name and path.stat().st_mtime < _oldest():
                    path.unlink()


def _oldest() -> float:
    return time.time() - _DAYS * 86_400


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str | None) -> str | None:
    """Return a text, cut with its length where it is long."""
    if text is None or len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}… ({len(text):,} characters)"


def _clean(value: Any) -> Any:
    """Return a value that SQLite can store: text without lone surrogates."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
