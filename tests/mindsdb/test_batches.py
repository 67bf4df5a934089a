"""Batches in a MindsDB server: a statement that does not wait, and the one that fetches the answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import telling
from support.making import making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider

ROWS = pd.DataFrame({"id": range(5), "text": [f"text {row}" for row in range(5)]})
SELECT = "SELECT t.id, m.answer, m.answer_error FROM files.for_batches AS t JOIN m"


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with five rows and a model that answers in batches."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.forget_answers()
    words = "PREDICT answer USING engine = 'e', column = 'text', model = 'gpt-4o-mini', delivery = 'batch'"
    with making(server, folder=tmp_path, tables={"for_batches": ROWS}, models={"m": words}):
        yield running_mindsdb


def test_a_statement_that_is_run_again_fetches_the_batch(server: tuple[MindsDB, OfflineProvider]) -> None:
    """The first statement fails and says how to go on, the second has NULLs, the third has the answers."""
    mindsdb, provider = server
    provider.behaviour.batches.looks = 2
    with pytest.raises(MindsDBError, match=r"still in batch batch_.*; run the statement again to fetch it"):
        mindsdb.query(f"{SELECT} USING wait = false")
    rows = mindsdb.query(f"{SELECT} USING wait = false, on_error = 'null'")
    assert rows["answer"].tolist() == [None] * 5
    assert all("still in batch" in reason for reason in rows["answer_error"])
    rows = mindsdb.query(f"{SELECT} USING on_error = 'null'")
    assert rows["answer"].tolist() == [f"<{text}> by gpt-4o-mini" for text in ROWS["text"]]
    [batch] = provider.batches.batches
    assert len(provider.batches.invoice) == 5
    [told] = mindsdb.query("DESCRIBE m.batches").to_dict("records")
    assert (told["batch"], told["status"], int(told["to_fetch"])) == (batch, "completed", 0)
