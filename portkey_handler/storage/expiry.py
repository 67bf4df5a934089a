"""Deletes the answers of a cache whose time is over, in small steps, and frees their room on the disk."""

from __future__ import annotations

import contextlib
import random
import sqlite3

#: Answers that are looked at in one step. Other processes wait for a step, which takes some milliseconds.
_STEP = 512
#: Steps of a query that has written nothing.
_STEPS = 8
#: A file of an older release cannot shrink in steps. It is written anew when so little is left in it.
_WRITTEN_ANEW_BYTES = 16 * 2**20

_EXPIRED = "FROM (SELECT number, expires_at FROM answers WHERE number >= ? ORDER BY number LIMIT ?)"
_ANY_EXPIRED = f"SELECT count(*) {_EXPIRED} WHERE expires_at < ?"
_DELETE = (
    f"DELETE FROM answers WHERE number IN (SELECT number {_EXPIRED} WHERE expires_at < ?) "  # noqa: S608
    "AND number != ?"
)


def sweep(connection: sqlite3.Connection, now: float, written: int, covered: int) -> None:
    """Delete some of the expired answers: twice as many as a query has written, and some more.

    The oldest come first. Answers are kept for different times, so some places of the file are also tried by
    chance: whatever is expired is found sooner or later, and no query looks at all answers.

    Args:
        connection: The open file of the answers; not in a transaction.
        now: Seconds since 1970.
        written: How many answers the query has written.
        covered: The number of an answer that stays while there are others: the last one of the index.
    """
    # Housekeeping gives way to every query, and the next one tries again.
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        # In two subselects, because min and max in one look at all answers.
        ends = "SELECT (SELECT min(number) FROM answers), (SELECT max(number) FROM answers)"
        lowest, newest = connection.execute(ends).fetchone()
        if lowest is None:
            return
        kept = covered if lowest < newest else 0
        steps = _STEPS + 2 * written // _STEP
        deleted = 0
        while steps and (now_deleted := _step(connection, 0, now, kept)):
            deleted += now_deleted
            steps -= 1
        for _ in range(min(steps, _STEPS)):
            deleted += _step(connection, random.randint(lowest, newest), now, kept)  # noqa: S311
        if deleted:
            _shrink(connection)


def _step(connection: sqlite3.Connection, start: int, now: float, kept: int) -> int:
    found = (start, _STEP, now)
    if not connection.execute(_ANY_EXPIRED, found).fetchone()[0]:  # else nothing is locked
        return 0
    return connection.execute(_DELETE, (*found, kept)).rowcount


def _shrink(connection: sqlite3.Connection) -> None:
    """Cut free pages off the file."""
    pages, free, size, can_shrink = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size", "auto_vacuum")
    )
    if can_shrink:
        while free > 0 and connection.execute("PRAGMA freelist_count").fetchone()[0]:
            # A row of no columns for each page, of which `execute` takes only the first.
            connection.executescript(f"PRAGMA incremental_vacuum({_STEP:d})")
            free -= _STEP
    elif free > pages // 2 and (pages - free) * size < _WRITTEN_ANEW_BYTES:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
