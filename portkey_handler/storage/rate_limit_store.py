"""The file in which the processes of one machine share how much of their rate limits is taken."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ..errors import NewerFileError, StoreError
from .sqlite import opened_unlogged, reason_of

FILE_NAME = "limits.sqlite"
#: See `storage.sqlite`.
MIGRATIONS = (
    (
        "CREATE TABLE IF NOT EXISTS backlogs (scope TEXT PRIMARY KEY, "
        "requests REAL, requests_at REAL, tokens REAL, tokens_at REAL) WITHOUT ROWID",
    ),
)
#: Seconds that SQLite waits for another process. Longer waits are left to the caller.
_BUSY_SECONDS = 0.01

#: Requests taken, the time at which they were counted, tokens taken, and their time.
State = tuple[float, float, float, float]


class RateLimitStore:
    """One state per scope, shared by all processes that can open the file.

    A write that is lost in a power cut does no harm, so nothing is forced to the disk. The journal that a
    killed process leaves behind is rolled back by the next process.

    Args:
        folder: The folder of the file, which is opened at the first update.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection: sqlite3.Connection | None = None

    def update(self, scope: str, change: Callable[[State | None], State]) -> bool:
        """Replace the state of a scope in one transaction.

        Args:
            scope: Whose state it is. It is stored as it is, and holds no secret.
            change: Returns the new state from the old one, which is None where there is none.

        Returns:
            False where another process holds the file at this moment; nothing is changed then.

        Raises:
            StoreError: The file cannot be used. The message says why, and the remedy.
        """
        try:
            if self._connection is None:
                self._connection = opened_unlogged(self._path, MIGRATIONS, seconds=_BUSY_SECONDS)
            _replace(self._connection, scope, change)
        except NewerFileError as error:
            raise StoreError(str(error)) from error
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                return False
            raise StoreError(f"{self._path} cannot be used: {reason_of(error)}") from error
        return True

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _replace(connection: sqlite3.Connection, scope: str, change: Callable[[State | None], State]) -> None:
    # Exclusive from the start, so that the commit never waits for a process that has begun to read.
    connection.execute("BEGIN EXCLUSIVE")
    try:
        row = connection.execute(
            "SELECT requests, requests_at, tokens, tokens_at FROM backlogs WHERE scope = ?", (scope,)
        ).fetchone()
        # A row that was edited and holds other values than numbers counts as none.
        state = row if row is not None and all(isinstance(cell, float) for cell in row) else None
        connection.execute(
            "INSERT OR REPLACE INTO backlogs (scope, requests, requests_at, tokens, tokens_at) "
            "VALUES (?, ?, ?, ?, ?)",
            (scope, *change(state)),
        )
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
