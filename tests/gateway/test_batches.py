"""Batches through the real gateway: files up, batches started, listed and looked at, answers down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.asking import create_engine, create_model, questions
from support.gateway import Gateway

from portkey_handler.batches import submission, waiting
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.session import Session

MODES = {
    "chat": {"model": "gpt-4o-mini"},
    "typed": {"model": "gpt-4o-mini", "output": "mood string, words integer"},
    "completion": {"mode": "completion", "model": "gpt-3.5-turbo-instruct"},
    "embedding": {"mode": "embedding", "model": "text-embedding-3-small"},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(submission, "SETTLING", 0.0)


def asked(gateway: Gateway, provider: OfflineProvider, files: Path, **using: Any) -> pd.DataFrame:
    """Ask ten rows through the gateway."""
    engine = {"base_url": gateway.base_url, "provider": "openai", "custom_host": provider.base_url}
    with Session(files=files) as session:
        session.register("t", questions(10))
        session.sql(create_engine("e", engine))
        session.sql(create_model("m", {"engine": "e", "column": "q", **using}))
        return session.sql("SELECT t.id, m.answer FROM t JOIN m")


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_has_the_answers_of_direct_requests(
    gateway: Gateway, provider: OfflineProvider, tmp_path: Path, mode: str
) -> None:
    """Each mode gives in a batch what it gives directly, and sends nothing but the file and the batch."""
    provider.behaviour.batches.looks = 2
    in_batch = asked(gateway, provider, tmp_path, delivery="batch", **MODES[mode])
    posts = [request.path for request in provider.requests if request.method == "POST"]
    assert posts == ["/v1/files", "/v1/batches"]
    direct = asked(gateway, provider, tmp_path, reuse="never", **MODES[mode])
    assert in_batch.to_dict("records") == direct.to_dict("records")
    assert len(provider.batches.invoice) == 10


def test_after_a_lost_answer_the_gateway_lists_the_batch(
    gateway: Gateway, provider: OfflineProvider, tmp_path: Path
) -> None:
    """The gateway's answer to a lost one is an error of its own; the list shows that the batch was started."""
    lost: list[RecordedRequest] = []

    def once(request: RecordedRequest) -> Fault | None:
        if request.method != "POST" or request.path != "/v1/batches" or lost:
            return None
        lost.append(request)
        return Fault("lost")

    provider.behaviour.faults = once
    rows = asked(gateway, provider, tmp_path, delivery="batch", model="gpt-4o-mini")
    assert rows["answer"].notna().all()
    assert len(lost) == len(provider.batches.batches) == 1
