"""The records of batches: there before anything is sent, and read by other processes."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.batches.journal import Batch, BatchJournal
from portkey_handler.errors import StoreError

KEYS = [bytes([number]) * 16 for number in range(3)]


def intended(journal: BatchJournal, **given: Any) -> Batch:
    """Record a batch of three items."""
    values = {"engine": "e", "model": "m", "asked": "gpt-4o-mini", "scope": "s", "path": "/chat/completions"}
    return journal.intend(**{**values, "digest": b"digest", "size": 30, "keys": KEYS, **given})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every attribute comes back, and only the owner can read the file."""
    journal = BatchJournal(tmp_path)
    batch = intended(journal)
    journal.update(batch, stage="running", batch_id="batch_1", status="in_progress", done=1, failed=1)
    assert BatchJournal(tmp_path).all() == [batch]
    assert (batch.name, batch.keys) == ("batch_1", {*KEYS})
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_what_was_delivered_is_taken_out(tmp_path: Path) -> None:
    """A batch that has ended is closed with its last item, also where two queries deliver parts."""
    journal = BatchJournal(tmp_path)
    batch = intended(journal)
    journal.update(batch, stage="ended", status="completed")
    [other] = BatchJournal(tmp_path).open_in("s")
    journal.deliver(batch, KEYS[:1])
    assert [one.keys for one in journal.open_in("s")] == [{*KEYS[1:]}]
    BatchJournal(tmp_path).deliver(other, KEYS[1:])
    assert (other.stage, other.keys) == ("closed", set())
    assert journal.open_in("s") == []
    assert [one.stage for one in journal.of_model("e", "m")] == ["closed"]


def test_batches_belong_to_their_engine(tmp_path: Path) -> None:
    """Open batches are those of one scope; those of a model have its name."""
    journal = BatchJournal(tmp_path)
    assert journal.open_in("s") == journal.all() == []
    one, other = intended(journal), intended(journal, scope="another", model="n")
    assert [batch.nonce for batch in journal.open_in("s")] == [one.nonce]
    assert [batch.nonce for batch in journal.of_model("e", "n")] == [other.nonce]
    assert [batch.nonce for batch in journal.all()] == [other.nonce, one.nonce]


def test_a_damaged_file_is_an_error_and_no_fresh_start(tmp_path: Path) -> None:
    """A record that cannot be read may be of a batch that runs, so it is not replaced."""
    journal = BatchJournal(tmp_path)
    intended(journal)
    journal.path.write_bytes(b"no database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match="without it a batch might be paid twice: it is damaged"):
        journal.open_in("s")
    assert [path.name for path in journal.path.parent.glob("*damaged*")] == []
