"""The batches of a model, or of all models, as rows; and their end by hand."""

from __future__ import annotations

from typing import Any

from ..batches.cancelling import cancel, find
from ..batches.journal import Batch, BatchJournal
from ..execution.event_loop import run_sync
from ..gateway.config import GatewayConfig
from ..options import EngineConfig
from .data_dir import data_dir
from .moments import moment

#: What is told of a batch.
BATCH_COLUMNS = (
    *("started", "batch", "status", "lines", "done", "failed", "to_fetch", "asked", "looked_at", "said"),
)
#: The same of the batches of all engines.
ALL_COLUMNS = ("engine", "model", *BATCH_COLUMNS)


def batches_of(engine: str, model: str) -> list[tuple[Any, ...]]:
    """Return the batches of a model, newest first, a row of `BATCH_COLUMNS` each.

    Raises:
        StoreError: The records cannot be read.
    """
    return [_row(batch) for batch in BatchJournal(data_dir()).of_model(engine, model)]


def all_batches() -> list[tuple[Any, ...]]:
    """Return the batches of all engines, newest first, a row of `ALL_COLUMNS` each.

    Raises:
        StoreError: The records cannot be read.
    """
    return [(batch.engine, batch.model, *_row(batch)) for batch in BatchJournal(data_dir()).all()]


def engine_of_batch(identity: str) -> str:
    """Return the engine of a batch, by its id or nonce.

    Raises:
        NotFoundError: There is no such batch.
        StoreError: The records cannot be read.
    """
    return find(BatchJournal(data_dir()), identity).engine


def cancel_batch(identity: str, credentials: EngineConfig) -> str:
    """End a batch, and return in words what became of it.

    Args:
        identity: Its id at the provider, or its nonce.
        credentials: The options of its engine.

    Raises:
        NotFoundError: There is no such batch.
        GatewayError: The provider did not do it.
        StoreError: The records cannot be used.
    """
    journal = BatchJournal(data_dir())
    return run_sync(cancel(find(journal, identity), journal, GatewayConfig.of_engine(credentials)))


def _row(batch: Batch) -> tuple[Any, ...]:
    status = batch.status or {"closed": "closed"}.get(batch.stage, "not started")
    return (
        *(moment(batch.made_at), batch.name, status, batch.lines, batch.done, batch.failed),
        *(0 if batch.stage == "closed" else len(batch.keys), batch.asked),
        *(None if batch.looked_at is None else moment(batch.looked_at), batch.said),
    )
