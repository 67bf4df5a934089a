"""The SQL that users know from the documentation, word for word, in a real MindsDB."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.hosts import telling
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider

ENGINE = """
CREATE ML_ENGINE portkey_engine
FROM portkey
USING
    portkey_api_key = 'your-portkey-api-key';
"""

MODEL = """
CREATE MODEL portkey_model
PREDICT answer
USING
    column = 'question',
    engine = 'portkey_engine',
    max_tokens = 300,
    model = 'claude-2.1'; -- choose one of 'claude-instant-1.2', 'claude-2.1', 'claude-3-opus-20240229', 'claude-3-sonnet-20240229'
"""

SELECT = """
SELECT question, answer
FROM portkey_model
WHERE question = 'Where is Stockholm located?';
"""


@pytest.fixture
def documented(
    running_mindsdb: tuple[MindsDB, OfflineProvider],
) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with the documentation's engine and model in it."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.query(ENGINE)
    server.query(MODEL)
    server.wait_for_model("portkey_model")
    yield running_mindsdb
    server.query("DROP MODEL portkey_model")
    server.query("DROP ML_ENGINE portkey_engine")


def test_the_documentations_sql(documented: tuple[MindsDB, OfflineProvider]) -> None:
    """The gateway gets the key and the provider the request as they are written; the row has its answer."""
    server, provider = documented
    frame = server.query(SELECT)
    assert frame.to_dict("records") == [
        {
            "question": "Where is Stockholm located?",
            "answer": "<Where is Stockholm located?> max 300",
        }
    ]
    [request] = [request for request in provider.requests if request.method == "POST"]
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "claude-2.1",
        "max_tokens": 300,
        "messages": [{"role": "user", "content": "Where is Stockholm located?"}],
    }


def test_the_worker_answers_again_after_close(documented: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB keeps the handler object after `close` and uses it for the next query."""
    server, _ = documented
    for _ in range(3):
        assert server.query(SELECT)["answer"].tolist() == ["<Where is Stockholm located?> max 300"]


def test_the_traceback_below_an_error_is_short(documented: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB prints one below the first line, which is ours; of our code it has the hook alone."""
    server, _ = documented
    with pytest.raises(MindsDBError) as raised:
        server.query("SELECT answer FROM portkey_model WHERE question = 'refuse me'")
    first, *traceback = str(raised.value).splitlines()
    assert first == (
        "[portkey_engine/portkey_model]: QueryError: the row failed: 400 from openai: "
        "The text was refused.; running again needs 1 request"
    )
    assert len(traceback) < 25
    files = re.findall(r'File ".*/portkey_handler/(\w+)\.py"', "\n".join(traceback))
    assert set(files) == {"handler"}
