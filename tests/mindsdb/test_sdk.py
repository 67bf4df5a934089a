"""MindsDB's Python SDK, used as its users do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from support.clients import SDKClient
from support.hosts import telling
from support.mindsdb import MindsDB
from support.texts import AWKWARD

from portkey_handler.gateway.offline import OfflineProvider, last_text

CANARY = "sk-canary-0123456789"
OPTIONS = {
    "prompt_template": "{{text}} in {{language}}",
    "max_tokens": 50,
    "stop": ["END"],
    "parameters": {"seed": 7},
    "logit_bias": '{"50256": -100}',  # MindsDB parses no negative numbers
}


@pytest.fixture
def sdk(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[Any]:
    """Give a connection, and an engine `e` that it has made."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.forget_answers()
    with contextlib.closing(SDKClient(server)) as client:
        client.server.ml_engines.create("e", "portkey", connection_data={"portkey_api_key": CANARY})
        yield client.server
        for model in client.server.models.list():
            client.server.models.drop(model.name)
        client.server.ml_engines.drop("e")


@pytest.fixture
def model(sdk: Any) -> Any:
    """Give a model that the SDK has made."""
    made = sdk.models.create("m", predict="answer", engine=sdk.ml_engines.get("e"), options=OPTIONS)
    made.wait_complete()
    return made


def test_engines_and_models(sdk: Any, model: Any) -> None:
    """They are made, found, listed and dropped; keys are masked."""
    assert sdk.ml_engines.get("e").handler == "portkey"
    assert CANARY not in repr(sdk.ml_engines.list())
    assert model.get_status() == "complete"
    assert [found.name for found in sdk.models.list()] == ["m"]
    assert sdk.models.get("m").data["predict"] == "answer"
    sdk.models.drop("m")
    with pytest.raises(AttributeError, match="Model doesn't exist"):
        sdk.models.get("m")


def test_wrong_options_are_refused(sdk: Any) -> None:
    """The SDK's error has the first line of ours."""
    with pytest.raises(RuntimeError, match="max_tokenz is not an option of CREATE MODEL"):
        sdk.models.create("wrong", predict="answer", engine="e", options={"column": "a", "max_tokenz": 4})


def test_rows_of_a_frame(model: Any, running_mindsdb: tuple[MindsDB, OfflineProvider]) -> None:
    """Every row has its own answer, in order, whatever its index; texts and options go out as they are."""
    _, provider = running_mindsdb
    frame = pd.DataFrame({"text": AWKWARD, "language": "fr"}, index=[7] * len(AWKWARD))
    answers = model.predict(frame)
    assert answers.to_dict("list") == {"answer": [f"<{text} in fr> max 50" for text in AWKWARD]}
    asked = [request.body for request in provider.requests if request.method == "POST"]
    assert {last_text(body) for body in asked} == {f"{text} in fr" for text in AWKWARD}
    assert all(body["stop"] == ["END"] and body["seed"] == 7 for body in asked)
    assert all(body["logit_bias"] == {"50256": -100} for body in asked)


def test_many_rows_of_a_frame(model: Any) -> None:
    """A thousand and more rows beyond ASCII come back, each with its own answer."""
    frame = pd.DataFrame({"text": [f"schön {row}" for row in range(1200)], "language": "fr"})
    answers = model.predict(frame)
    assert answers["answer"].tolist() == [f"<schön {row} in fr> max 50" for row in range(1200)]


def test_one_row_and_options(model: Any) -> None:
    """A dict is a row; `params` is SELECT … USING."""
    row = {"text": "one", "language": "es"}
    assert model.predict(row)["answer"].tolist() == ["<one in es> max 50"]
    assert model.predict(row, params={"max_tokens": 7})["answer"].tolist() == ["<one in es> max 7"]
    with pytest.raises(requests.HTTPError, match="max_tokenz is not an option of SELECT"):
        model.predict(row, params={"max_tokenz": 7})


def test_rows_of_a_table(sdk: Any, model: Any, tmp_path: Path, running_mindsdb: Any) -> None:
    """A query on a database is JOINed with the model, in the server."""
    server, _ = running_mindsdb
    path = tmp_path / "greetings.csv"
    pd.DataFrame({"text": ["Good morning", "Schönen Tag"], "language": ["fr", "es"]}).to_csv(
        path, index=False
    )
    server.upload("greetings", path)
    query = sdk.databases.get("files").query("SELECT text, language FROM greetings ORDER BY language")
    assert model.predict(query)["answer"].tolist() == [
        "<Schönen Tag in es> max 50",
        "<Good morning in fr> max 50",
    ]
    server.query("DROP TABLE files.greetings")


def test_rows_that_fail(model: Any) -> None:
    """The error says what is kept; `on_error = 'null'` gives every row its answer or its reason."""
    frame = pd.DataFrame({"text": ["one", "refuse me", None], "language": "fr"})
    # The SDK writes JSON, which has no NaN.
    frame = frame.astype(object).where(frame.notna(), None)
    with pytest.raises(requests.HTTPError, match="2 answered and cached, 1 failed"):
        model.predict(frame)
    answers = model.predict(frame, params={"on_error": "null"})
    assert answers["answer"].fillna("NULL").tolist() == ["<one in fr> max 50", "NULL", "< in fr> max 50"]
    reason = "400 from openai: The text was refused."
    assert answers["answer_error"].fillna("NULL").tolist() == ["NULL", reason, "NULL"]


def test_described(model: Any) -> None:
    """`describe` tells what there is, the options in force, and what was used."""
    model.predict({"text": "one", "language": "es"})
    assert {"args", "engine", "usage", "errors"} <= set(model.describe()["TABLES"][0])
    args = model.describe("args").set_index("option")["value"]
    assert args["max_tokens"] == "50"
    (usage,) = model.describe("usage").to_dict("records")
    assert (usage["rows"], usage["requests"], usage["answered"]) == (1, 1, 1)


def test_retrained(sdk: Any, model: Any, running_mindsdb: tuple[MindsDB, OfflineProvider]) -> None:
    """A new version has the old options and the new; the old one still answers, and can be taken back."""
    server, _ = running_mindsdb
    row = {"text": "one", "language": "es"}
    model.retrain(options={"temperature": 0.5})
    server.wait_for_model("m")
    assert sdk.models.get("m").predict(row)["answer"].tolist() == ["<one in es> max 50 at 0.5"]
    assert sdk.models.get("m", version=1).predict(row)["answer"].tolist() == ["<one in es> max 50"]
    model.set_active(1)
    assert sdk.models.get("m").predict(row)["answer"].tolist() == ["<one in es> max 50"]
    assert sorted(version.version for version in model.list_versions()) == [1, 2]


def test_vectors(sdk: Any) -> None:
    """An embedding comes back as a list of numbers."""
    options = {"mode": "embedding", "model": "text-embedding-3-small", "column": "text", "dimensions": 1536}
    model = sdk.models.create("v", predict="vector", engine="e", options=options)
    model.wait_complete()
    vectors = model.predict(pd.DataFrame({"text": ["one", "two"]}))["vector"]
    assert [len(vector) for vector in vectors] == [1536, 1536]
    assert vectors[0] != vectors[1]
