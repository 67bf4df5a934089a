"""MindsDB's predict cache, in its default configuration, must not answer for us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.hosts import telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB, MindsDBError, run_python

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text

ROWS = 2000  # numpy shortens what it prints of more than 1,000 cells, and that is what the cache compares
CHANGED = 750  # in the middle of the table, and of a partition
MODEL = "PREDICT answer USING engine = 'e', column = 'text'"


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with a model and two tables that differ in one row."""
    server, provider = running_mindsdb
    server.forget_answers()
    provider.reset(telling())
    tables = {}
    for name, middle in (("before", "old"), ("after", "new")):
        texts = [middle if row == CHANGED else f"text {row}" for row in range(ROWS)]
        other = [f"other {row}" for row in range(ROWS)]
        tables[name] = pd.DataFrame({"id": range(ROWS), "text": texts, "other": other})
    with making(server, folder=tmp_path, tables=tables, models={"m": MODEL}):
        yield running_mindsdb


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


@pytest.mark.parametrize(
    ("option", "answers"),
    [
        ("max_tokens = {}", {60: "<text 1> max 60", 70: "<text 1> max 70"}),
        ("temperature = {}", {0: "<text 1> at 0", 1: "<text 1> at 1"}),
        ("model = '{}'", {"one": "<text 1> by one", "two": "<text 1> by two"}),
        ("system_prompt = '{}'", {"Brief.": "Brief.: <text 1>", "Long.": "Long.: <text 1>"}),
        ("prompt_template = '{}'", {"Is {{text}}?": "<Is text 1?>", "Not {{text}}!": "<Not text 1!>"}),
        ("reuse = 'never', max_tokens = {}", {80: "<text 1> max 80"}),
    ],
)
def test_options_of_the_select_are_obeyed(
    server: tuple[MindsDB, OfflineProvider], option: str, answers: dict[object, str]
) -> None:
    """The cache leaves USING out of its key; the handler sees it all the same."""
    mindsdb, _ = server
    query = "SELECT m.answer FROM files.before AS t JOIN m WHERE t.id = 1"
    assert mindsdb.query(query)["answer"].tolist() == ["<text 1>"]
    for value, answer in answers.items():
        assert mindsdb.query(f"{query} USING {option.format(value)}")["answer"].tolist() == [answer]
    assert mindsdb.query(query)["answer"].tolist() == ["<text 1>"]


def test_another_column_gets_its_own_answers(server: tuple[MindsDB, OfflineProvider]) -> None:
    """The cache looks at the table before ON maps a column to the model's."""
    mindsdb, _ = server
    mindsdb.query("CREATE MODEL asked PREDICT answer USING engine = 'e', column = 'question'")
    mindsdb.wait_for_model("asked")
    try:
        for column in ("text", "other", "text"):
            frame = mindsdb.query(
                f"SELECT t.id, m.answer FROM files.before AS t JOIN asked AS m ON t.{column} = m.question"
            )
            answers = dict(zip(frame["id"], frame["answer"], strict=True))
            assert (len(answers), answers[1999]) == (ROWS, f"<{column} 1999>")
    finally:
        mindsdb.query("DROP MODEL asked")


def test_another_constant_gets_its_own_answers(server: tuple[MindsDB, OfflineProvider]) -> None:
    """The same rows, with another `m.language = …`, are another question."""
    mindsdb, _ = server
    mindsdb.query(
        "CREATE MODEL translator PREDICT answer "
        "USING engine = 'e', prompt_template = '{{language}}: {{text}}'"
    )
    mindsdb.wait_for_model("translator")
    try:
        for language in ("fr", "es", "fr"):
            frame = mindsdb.query(
                "SELECT t.id, m.answer FROM files.before AS t JOIN translator AS m "
                f"WHERE m.language = '{language}'"
            )
            assert len(frame) == ROWS
            assert dict(zip(frame["id"], frame["answer"], strict=True))[7] == f"<{language}: text 7>"
    finally:
        mindsdb.query("DROP MODEL translator")


def test_rows_that_failed_are_asked_again_and_no_others(server: tuple[MindsDB, OfflineProvider]) -> None:
    """After a provider's bad minute the same SELECT has answers in place of NULL, and pays for those."""
    mindsdb, provider = server
    failing = {f"text {row}" for row in range(0, ROWS, 400)}

    def refused(request: RecordedRequest) -> Fault | None:
        return Fault(status=400) if request.body and last_text(request.body) in failing else None

    provider.behaviour.faults = refused
    query = "SELECT t.id, m.answer FROM files.before AS t JOIN m USING on_error = 'null'"
    answers = mindsdb.query(query)
    assert answers["id"][answers["answer"].isna()].tolist() == list(range(0, ROWS, 400))
    asked = len(asked_texts(provider))
    provider.behaviour.faults = None
    assert mindsdb.query(query)["answer"].notna().all()
    assert set(asked_texts(provider)[asked:]) == failing
    assert len(asked_texts(provider)) == asked + len(failing)


def test_a_failure_is_no_answer_of_the_next_select(server: tuple[MindsDB, OfflineProvider]) -> None:
    """NULL with on_error = 'null' is an error without it, and the error is NULL with it again."""
    mindsdb, _ = server
    query = "SELECT answer FROM m WHERE text = 'refuse me'"
    null = f"{query} USING on_error = 'null'"
    assert mindsdb.query(null)["answer"].tolist() == [None]
    with pytest.raises(MindsDBError, match="The text was refused"):
        mindsdb.query(query)
    assert mindsdb.query(null)["answer"].tolist() == [None]


def test_another_model_or_engine_of_the_same_name_answers_itself(
    server: tuple[MindsDB, OfflineProvider],
) -> None:
    """A model that was replaced, and an engine that was made anew with another option, are what is asked."""
    mindsdb, _ = server
    query = "SELECT m.answer FROM files.before AS t JOIN m WHERE t.id < 3"
    assert mindsdb.query(query)["answer"][1] == "<text 1>"
    mindsdb.query(f"CREATE OR REPLACE MODEL m {MODEL}, max_tokens = 50")
    mindsdb.wait_for_model("m")
    assert mindsdb.query(query)["answer"][1] == "<text 1> max 50"
    mindsdb.query("DROP MODEL m")
    mindsdb.query("DROP ML_ENGINE e")
    mindsdb.query("CREATE ML_ENGINE e FROM portkey USING max_tokens = 40")
    mindsdb.query(f"CREATE MODEL m {MODEL}")
    mindsdb.wait_for_model("m")
    assert mindsdb.query(query)["answer"][1] == "<text 1> max 40"


def test_the_frame_becomes_nothing_in_the_caches_own_format(
    server: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> None:
    """MindsDB's cache writes with dill, which must find nothing to keep, with MindsDB's pandas too."""
    mindsdb, _ = server
    code = """
import dill, pickle
import pandas as pd
from mindsdb.integrations.handlers.portkey_handler.host import adapter as host
from mindsdb.interfaces.storage.model_fs import ModelStorage
sent = host.deliver(pd.DataFrame({"answer": ["a"]}, index=[3]), object.__new__(ModelStorage))
arrived = pickle.loads(pickle.dumps(sent))
print(arrived.index.tolist(), arrived["answer"].tolist(), dill.loads(dill.dumps(arrived)))
"""
    assert run_python(mindsdb.python, code, tmp_path).splitlines()[-1] == "[3] ['a'] None"
