"""What the tests of faults share: rows to ask, a session to ask them in, and the count of what was paid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.asking import Asks, create_engine, create_model, questions
from support.paid import Paid

from portkey_handler.batches import fetching, submission, waiting
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder where the journal is to be; it does not exist yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(folder))
    return folder


@pytest.fixture
def paid(provider: OfflineProvider) -> Paid:
    """Count what the stand-in is asked and what it answers."""
    return Paid(provider)


@pytest.fixture
def session(home: Path, tmp_path: Path) -> Iterator[Session]:
    """Give a session whose folder `files` is there and empty."""
    folder = tmp_path / "files"
    folder.mkdir()
    with Session(files=folder) as opened:
        yield opened


@pytest.fixture
def ask(session: Session, provider: OfflineProvider, paid: Paid) -> Asks:
    """Ask `number` rows, or those of a frame with the columns id and q; options go to the model.

    Engine and model are made anew each time, so that nothing but the journal remembers.
    """

    def asks(
        rows: int | pd.DataFrame,
        *,
        engine: dict[str, Any] | None = None,
        select: str = "SELECT t.id, t.q, m.answer FROM t JOIN m",
        **using: Any,
    ) -> pd.DataFrame:
        session.register("t", questions(rows) if isinstance(rows, int) else rows)
        session.sql("DROP MODEL IF EXISTS m; DROP ML_ENGINE IF EXISTS e;")
        session.sql(create_engine("e", {"base_url": provider.base_url, **(engine or {})}))
        session.sql(create_model("m", {"engine": "e", "model": "one", "column": "q", **using}))
        return session.sql(select)

    return asks


@pytest.fixture
def quick_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at batches without a pause, and try again soon."""
    monkeypatch.setattr(waiting, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(waiting, "LONGEST_LOOK", 0.01)
    monkeypatch.setattr(submission, "SETTLING", 0.0)
    for module in (submission, fetching):
        monkeypatch.setattr(module, "backoff", lambda *_: 0.01)


@pytest.fixture
def ask_batch(ask: Asks, quick_batches: None) -> Asks:
    """Ask rows in batches of the stand-in, by a model whose price is known."""

    def asks(rows: Any, **using: Any) -> pd.DataFrame:
        return ask(rows, **{"model": "gpt-4o-mini", "delivery": "batch", **using})

    return asks
