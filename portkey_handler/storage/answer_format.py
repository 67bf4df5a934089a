"""How the answer cache writes an answer: the schema of its file, evidence by name, and a checksum.

Evidence is written as a list. The file holds the names that belong to the places of the list, once for all
answers that have the same names. So evidence is read by name, and needs no more room or time than without.
"""

from __future__ import annotations

import sqlite3
import sys
import zlib
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from ..records import EVIDENCE_FIELDS, Evidence
from . import sqlite

#: Seconds that another process is waited for.
BUSY_SECONDS = 10.0
#: The names of evidence in files that were written before names were.
_FIRST_NAMES = (
    '["status","finish_reason","model","provider","target","prompt_tokens","completion_tokens","total_tokens",'
    '"cached_tokens","attempts","gateway_attempts","latency_ms","cache_status","request_id","trace_id",'
    '"span_id","system_fingerprint","logprobs","guardrails","cost","kept_from","raw"]'
)
#: See `storage.sqlite`.
MIGRATIONS = (
    (
        """
        CREATE TABLE IF NOT EXISTS answers (
            number INTEGER PRIMARY KEY,
            key BLOB NOT NULL,
            made_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            answer BLOB NOT NULL,
            checksum INTEGER NOT NULL
        )
        """,
        "ALTER TABLE answers ADD COLUMN names INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE evidence_names (number INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE)",
        f"INSERT INTO evidence_names VALUES (0, '{_FIRST_NAMES}')",  # noqa: S608 - our own names
    ),
)
#: A list of at least this many numbers is written as a vector.
_VECTOR = 16
_NAMES = orjson.dumps(EVIDENCE_FIELDS).decode()


def damage(path: Path) -> str | None:
    """Return how the file of an answer cache is damaged, or None. The file is not changed.

    Raises:
        NewerFileError: The file has a newer version.
        sqlite3.OperationalError: It cannot be read.
    """
    said = sqlite.damage(path, MIGRATIONS, seconds=BUSY_SECONDS)
    if said is not None:
        return said
    try:
        with sqlite.looking(path, seconds=BUSY_SECONDS) as connection:
            kept = connection.execute("SELECT key, answer, checksum FROM answers")
            changed = sum(checksum_of(key, answer) != checksum for key, answer, checksum in kept)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"answers that are not what was kept: {changed:,}" if changed else None


def encode(value: Any, evidence: Evidence) -> bytes:
    """Return an answer as bytes: JSON of evidence and value, or after a line break a vector's numbers."""
    told = tuple(evidence)
    # Half as long as their digits; of a list that holds anything else, the kinds would be lost.
    if isinstance(value, list) and len(value) >= _VECTOR and {*map(type, value)} == {float}:
        return orjson.dumps((told,)) + b"\n" + array("d", value).tobytes()
    return orjson.dumps((told, value))


def decode(answer: bytes, names: str, made_at: float) -> tuple[Any, Evidence]:
    """Return the value and the evidence that `encode` wrote.

    Args:
        answer: The answer.
        names: The names of the places of its evidence, as JSON. Names that `Evidence` lacks are dropped.
        made_at: When the answer was made, in seconds since 1970; the evidence's `kept_from`.

    Raises:
        ValueError: The bytes are not an answer.
        TypeError: Likewise.
    """
    written, _, numbers = answer.partition(b"\n")  # which JSON of one line has not
    told, *value = orjson.loads(written)
    places, unknown = _places(names)
    known = dict(zip(places, told, strict=True))
    for name in unknown:
        del known[name]
    known["kept_from"] = made_at
    return (value[0] if value else array("d", numbers).tolist()), Evidence(**known)


@lru_cache(64)
def _places(names: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names that were written, and those among them that evidence does not have."""
    places = tuple(map(sys.intern, orjson.loads(names)))  # else keywords are found half as fast
    return places, frozenset(places).difference(EVIDENCE_FIELDS)


def number_of_names(connection: sqlite3.Connection) -> int:
    """Return the number that the names of evidence have in a file; they are written where it lacks them."""
    select = "SELECT number FROM evidence_names WHERE names = ?"
    if (found := connection.execute(select, (_NAMES,)).fetchone()) is None:
        connection.execute("INSERT OR IGNORE INTO evidence_names (names) VALUES (?)", (_NAMES,))
        found = connection.execute(select, (_NAMES,)).fetchone()
    number: int = found[0]
    return number


def checksum_of(key: bytes, answer: bytes) -> int:
    """Return the checksum of an answer and its key."""
    return zlib.crc32(answer, zlib.crc32(key))
