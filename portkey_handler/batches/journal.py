"""What is known of the batches of all engines, on disk: each has a record before anything is sent.

A record holds digests of items, never prompts, answers or keys. Its stage says what may have been paid for:

    intended    nothing was sent, or the upload of the file may have been sent, which costs nothing
    uploaded    the provider has the file
    starting    the request that starts the batch may have been sent: it may be paid for
    running     the provider has the batch
    ended       it has ended, and answers in it were not yet delivered
    closed      everything was delivered, or nothing is to be delivered

Unlike the other stores, each change is forced to the disk, because a lost record would be paid for twice.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import NewerFileError, StoreError
from ..storage.sqlite import opened, reading, reason_of

Stage = Literal["intended", "uploaded", "starting", "running", "ended", "closed"]

#: See `storage.sqlite`.
MIGRATIONS = (
    (
        """
        CREATE TABLE batches (
            nonce TEXT PRIMARY KEY, engine, model, asked, scope, stage, path, digest BLOB, lines, size,
            width, keys BLOB, made_at, file_id, batch_id, status, done, failed, output_file, error_file,
            said, looked_at, ended_at
        )
        """,
        "CREATE INDEX batches_of_model ON batches (engine, model)",
        "CREATE INDEX batches_of_scope ON batches (scope, stage)",
    ),
)
_BUSY_SECONDS = 10.0
#: Closed batches are kept for so many days. Others stay, however old they look: a clock may have been wrong.
_DAYS = 40
_COLUMNS = (
    *("nonce", "engine", "model", "asked", "scope", "stage", "path", "digest", "lines", "size"),
    *("made_at", "file_id", "batch_id", "status", "done", "failed", "output_file", "error_file", "said"),
    *("looked_at", "ended_at"),
)


@dataclass(slots=True)
class Batch:
    """The record of one batch.

    Attributes:
        nonce: Its own name: that of its file, and a value of its metadata at the provider.
        engine: The engine in SQL.
        model: The model in SQL.
        asked: The language model.
        scope: The fingerprint of the engine, within which items have the same answers.
        path: The path to which its requests would go.
        digest: The digest of its lines.
        lines: How many lines it has.
        size: The bytes of its file.
        keys: The keys of the items that were not yet delivered.
        made_at: When it was intended, in seconds since 1970.
        file_id: The id of its file at the provider, or None.
        batch_id: Its id at the provider, or None.
        status: Its status in the provider's words, or None.
        done: Lines that were answered, by the provider's count.
        failed: Lines that failed, likewise.
        output_file: The id of the file with the answers, or None.
        error_file: The id of the file with the failures, or None.
        said: What the provider said of its failure, or why it was closed; or None.
        looked_at: When the provider was last asked about it, or None.
        ended_at: When it was found ended, or None.
    """

    nonce: str
    engine: str
    model: str
    asked: str | None
    scope: str
    stage: Stage
    path: str
    digest: bytes
    lines: int
    size: int
    made_at: float
    file_id: str | None = None
    batch_id: str | None = None
    status: str | None = None
    done: int = 0
    failed: int = 0
    output_file: str | None = None
    error_file: str | None = None
    said: str | None = None
    looked_at: float | None = None
    ended_at: float | None = None
    keys: set[bytes] = field(default_factory=set)

    @property
    def name(self) -> str:
        """How messages call it: the provider's id, else the nonce."""
        return self.batch_id or self.nonce


class BatchJournal:
    """The records of the batches, in a folder.

    Args:
        folder: The folder of the data. A missing one is made, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "batches" / "batches.sqlite"

    def intend(
        self,
        *,
        engine: str,
        model: str,
        asked: str | None,
        scope: str,
        path: str,
        digest: bytes,
        size: int,
        keys: Sequence[bytes],
    ) -> Batch:
        """Record that a batch is going to be made, and return it.

        Raises:
            StoreError: It cannot be recorded, so that nothing may be sent.
        """
        batch = Batch(
            nonce=f"portkey-handler-{secrets.token_hex(12)}",
            engine=engine,
            model=model,
            asked=asked,
            scope=scope,
            stage="intended",
            path=path,
            digest=digest,
            lines=len(keys),
            size=size,
            made_at=time.time(),
            keys=set(keys),
        )
        values = {name: getattr(batch, name) for name in _COLUMNS}
        values |= {"width": len(keys[0]), "keys": b"".join(keys)}
        names, places = ", ".join(values), ", ".join("?" * len(values))
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM batches WHERE stage = 'closed' AND made_at < ?",
                (time.time() - _DAYS * 86_400,),
            )
            connection.execute(f"INSERT INTO batches ({names}) VALUES ({places})", [*values.values()])  # noqa: S608 - our names
        return batch

    def update(self, batch: Batch, **changes: Any) -> None:
        """Change attributes of a batch, here and on disk.

        Raises:
            StoreError: They cannot be written.
        """
        for name, value in changes.items():
            setattr(batch, name, value)
        columns = ", ".join(f"{name} = ?" for name in changes)
        with self._writing() as connection:
            connection.execute(
                f"UPDATE batches SET {columns} WHERE nonce = ?",  # noqa: S608 - our names
                [*changes.values(), batch.nonce],
            )

    def deliver(self, batch: Batch, keys: Collection[bytes]) -> None:
        """Record that answers are in the hands of a query; a batch without others is closed.

        Raises:
            StoreError: It cannot be written.
        """
        with self._writing() as connection:
            connection.execute("BEGIN IMMEDIATE")  # another process may deliver others of them
            row = connection.execute(
                "SELECT width, keys FROM batches WHERE nonce = ?", (batch.nonce,)
            ).fetchone()
            if row is not None:
                batch.keys = _split(*row) - set(keys)
                is_over = batch.stage == "ended" and not batch.keys
                if is_over:
                    batch.stage = "closed"
                connection.execute(
                    "UPDATE batches SET keys = ?, stage = ? WHERE nonce = ?",
                    (b"".join(batch.keys), batch.stage, batch.nonce),
                )
            connection.execute("COMMIT")

    def open_in(self, scope: str) -> list[Batch]:
        """Return the batches of an engine that are not closed, oldest first, with their keys.

        Raises:
            StoreError: They cannot be read.
        """
        return self._read("scope = ? AND stage != 'closed' ORDER BY made_at", (scope,))

    def of_model(self, engine: str, model: str) -> list[Batch]:
        """Return the batches of a model in SQL, newest first.

        Raises:
            StoreError: They cannot be read.
        """
        return self._read("engine = ? AND model = ? ORDER BY made_at DESC", (engine, model))

    def all(self) -> list[Batch]:
        """Return the batches of all engines, newest first.

        Raises:
            StoreError: They cannot be read.
        """
        return self._read("1 ORDER BY made_at DESC", ())

    def _read(self, condition: str, values: Sequence[Any]) -> list[Batch]:
        if not self.path.exists():
            return []
        names = ", ".join(_COLUMNS)
        try:
            with reading(self.path, MIGRATIONS, seconds=_BUSY_SECONDS) as connection:
                found = connection.execute(
                    f"SELECT width, keys, {names} FROM batches WHERE {condition}",  # noqa: S608 - our words
                    values,
                ).fetchall()
        except (OSError, sqlite3.Error, NewerFileError) as error:
            raise self.unusable(error) from error
        return [Batch(**dict(zip(_COLUMNS, row[2:], strict=True)), keys=_split(*row[:2])) for row in found]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            connection, _ = opened(self.path, MIGRATIONS, _force_to_disk, seconds=_BUSY_SECONDS)
            try:
                yield connection
            finally:
                connection.close()
        except (OSError, sqlite3.Error, NewerFileError) as error:
            raise self.unusable(error) from error

    def unusable(self, error: Exception) -> StoreError:
        """Return the error of records that cannot be used."""
        why = str(error) if isinstance(error, NewerFileError) else reason_of(error)
        return StoreError(f"{self.path} cannot be used, and without it a batch might be paid twice: {why}")


def _force_to_disk(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")


def _split(width: int, keys: bytes) -> set[bytes]:
    return {keys[place : place + width] for place in range(0, len(keys), width)}
