"""MindsDB's predict cache, in its default configuration, must not answer for us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import telling
from support.mindsdb import MindsDB, run_python

from portkey_handler.offline import OfflineProvider

ROWS = 2000  # numpy shortens what it prints of more than 1,000 cells, and that is what the cache compares
CHANGED = 750  # in the middle of the table, and of a partition


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with a model and two tables that differ in one row."""
    server, provider = running_mindsdb
    provider.reset(telling())
    for name, middle in (("before", "old"), ("after", "new")):
        texts = [middle if row == CHANGED else f"text {row}" for row in range(ROWS)]
        path = tmp_path / f"{name}.csv"
        pd.DataFrame({"id": range(ROWS), "text": texts}).to_csv(path, index=False)
        server.upload(name, path)
    server.query("CREATE ML_ENGINE e FROM portkey")
    server.query("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text'")
    server.wait_for_model("m")
    yield running_mindsdb
    server.query("DROP MODEL m")
    server.query("DROP ML_ENGINE e")
    for name in ("before", "after"):
        server.query(f"DROP TABLE files.{name}")


@pytest.mark.parametrize("using", ["", "USING partition_size = 500"])
def test_a_changed_row_gets_its_new_answer(server: tuple[MindsDB, OfflineProvider], using: str) -> None:
    """Of two tables that the cache takes for one, each gets its own answers."""
    mindsdb, _ = server
    for table, middle in (("before", "<old>"), ("after", "<new>")):
        frame = mindsdb.query(f"SELECT t.id, m.answer FROM files.{table} AS t JOIN m {using}")
        answers = dict(zip(frame["id"], frame["answer"], strict=True))
        assert len(answers) == ROWS
        assert answers[CHANGED] == middle
        assert answers[1] == "<text 1>"


def test_options_of_the_select_are_obeyed(server: tuple[MindsDB, OfflineProvider]) -> None:
    """The cache leaves USING out of its key; the handler sees it all the same."""
    mindsdb, _ = server
    for tokens in (60, 70):
        frame = mindsdb.query(
            f"SELECT m.answer FROM files.before AS t JOIN m WHERE t.id = 1 USING max_tokens = {tokens}"
        )
        assert frame["answer"].tolist() == [f"<text 1> max {tokens}"]


def test_the_frame_becomes_nothing_in_the_caches_own_format(
    server: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> None:
    """MindsDB's cache writes with dill, which must find nothing to keep, with MindsDB's pandas too."""
    mindsdb, _ = server
    code = """
import dill, pickle
import pandas as pd
from mindsdb.integrations.handlers.portkey_handler import host
from mindsdb.interfaces.storage.model_fs import ModelStorage
sent = host.deliver(pd.DataFrame({"answer": ["a"]}, index=[3]), object.__new__(ModelStorage))
arrived = pickle.loads(pickle.dumps(sent))
print(arrived.index.tolist(), arrived["answer"].tolist(), dill.loads(dill.dumps(arrived)))
"""
    assert run_python(mindsdb.python, code, tmp_path).splitlines()[-1] == "[3] ['a'] None"
