"""A table of notes, one of which the provider refuses, and a model that answers them, in a MindsDB."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from portkey_handler.gateway.offline import OfflineProvider

from .hosts import REFUSED, telling
from .making import making
from .mindsdb import MindsDB
from .paid import Paid, answer_to

#: The notes by their id; the last one is refused.
NOTES = {**{number: f"note {number}" for number in range(1, 6)}, 6: REFUSED}


@contextlib.contextmanager
def notes(server: MindsDB, provider: OfflineProvider, folder: Path) -> Iterator[Paid]:
    """Make `files.notes` and the model `m`, and drop them in the end; nothing is paid yet."""
    provider.reset(telling())
    server.forget_answers()
    paid = Paid(provider)
    rows = pd.DataFrame({"id": NOTES.keys(), "text": NOTES.values()})
    with making(server, folder=folder, tables={"notes": rows}):
        yield paid


def refuse_nothing(paid: Paid) -> None:
    """Let the provider answer every note from now on."""
    paid.provider.behaviour.faults = None


def answers(server: MindsDB, table: str) -> list[tuple[int, str]]:
    """Give what a table holds, in order."""
    frame = server.query(f"SELECT id, answer FROM {table} ORDER BY id")
    return list(frame.itertuples(index=False, name=None))


def expected(*ids: int) -> list[tuple[int, str]]:
    """Give what a table holds that has the answers to these notes."""
    return [(number, answer_to(NOTES[number])) for number in ids]
