"""What a person sees of a query in MindsDB's log, at the level that it has by default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import SECONDS_BETWEEN_LINES, telling
from support.making import making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider

ROWS = 40
LINE = (
    r"INFO +mindsdb\.integrations\.handlers\.portkey_handler\.progress: seen: \d+ of 40 rows \(\d+ %\), "
    r"[\d.]+ rows/s, 1 failed \(1 x 400 from openai: [^)]+\), \d+ requests, \d+ tokens, \$0\.0+\d\d, "
    r"2 in flight, about \d+ s left"
)
END = (
    r"INFO +mindsdb\.integrations\.handlers\.portkey_handler\.predictor: seen: 39 answered, 1 failed, "
    r"40 requests, \d+ tokens, \$0\.0+\d\d, \d+\.\d s"
)


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with a model and a table, and a stand-in that takes its time."""
    server, provider = running_mindsdb
    server.forget_answers()
    provider.reset(telling())
    provider.behaviour.latency = SECONDS_BETWEEN_LINES / 5
    texts = ["refuse me", *(f"text {row}" for row in range(1, ROWS))]
    watched = pd.DataFrame({"id": range(ROWS), "text": texts})
    model = "PREDICT answer USING engine = 'e', column = 'text', model = 'gpt-4o-mini', concurrency = 2"
    with making(server, folder=tmp_path, tables={"watched": watched}, models={"seen": model}):
        yield running_mindsdb


def test_the_log_tells_how_far_a_query_is_and_how_it_ended(server: tuple[MindsDB, OfflineProvider]) -> None:
    """Lines at INFO while it runs, and one when it ended, whether the statement succeeds or fails."""
    mindsdb, _ = server
    begun = len(mindsdb.log.read_text(errors="replace"))
    with pytest.raises(MindsDBError, match="39 answered and cached, 1 failed"):
        mindsdb.query("SELECT t.id, m.answer FROM files.watched AS t JOIN seen AS m")
    told = mindsdb.log.read_text(errors="replace")[begun:]
    assert len(re.findall(LINE, told)) >= 2
    assert len(re.findall(END, told)) == 1
    mindsdb.query("SELECT t.id, m.answer FROM files.watched AS t JOIN seen AS m USING on_error = 'null'")
    told = mindsdb.log.read_text(errors="replace")[begun:]
    assert (
        len(
            re.findall(r"seen: 39 answered, 39 of them cached since \d\d:\d\d .*, 1 failed, 1 request,", told)
        )
        == 1
    )
