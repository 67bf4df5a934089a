"""Mode prompt: one that is saved at Portkey, with a row's cells as its variables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.predicting import bodies, predict, replying

from portkey_handler.errors import InputError, OptionError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.records import ADDED_BY_MODELS
from portkey_handler.session import Session

USING = {"mode": "prompt", "prompt_id": "pp-review-1"}


def variables(provider: OfflineProvider) -> list[Any]:
    """Give the variables of each request."""
    return [body["variables"] for body in bodies(provider)]


def test_every_column_is_a_variable_by_its_name(provider: OfflineProvider) -> None:
    """Nothing but the variables is sent: model and parameters are those of the saved prompt."""
    answers = predict(provider, {"name": ["Ada"], "city": ["日本"]}, USING)
    assert provider.requests[0].path == "/v1/prompts/pp-review-1/completions"
    assert bodies(provider) == [{"variables": {"name": "Ada", "city": "日本"}}]
    assert answers["answer"][0].endswith("| Ada\n日本")
    assert answers["answer_evidence"][0]["prompt_tokens"] == 2


def test_the_hosts_columns_and_the_target_are_no_variables(provider: OfflineProvider) -> None:
    """Neither is what another model of the query added: none of them is the user's data."""
    frame = pd.DataFrame(
        {"__mindsdb_row_id": [1], "name": ["Ada"], "Answer": ["old"], "mood": ["x"], "mood_error": [None]}
    )
    frame.attrs[ADDED_BY_MODELS] = ["mood", "mood_error"]
    predict(provider, frame, USING)
    assert variables(provider) == [{"name": "Ada"}]


def test_rows_without_columns_ask_a_prompt_without_variables(provider: OfflineProvider) -> None:
    """A prompt need not have any."""
    predict(provider, {"answer": [None]}, USING)
    assert variables(provider) == [{}]


@pytest.mark.parametrize("listed", [["Name", "n"], '["Name", "n"]'], ids=["list", "text"])
def test_a_list_names_the_columns(listed: Any, provider: OfflineProvider) -> None:
    """Under the frame's own spelling; others are left out."""
    predict(provider, {"name": ["Ada"], "n": [3], "secret": ["x"]}, {**USING, "variables": listed})
    assert variables(provider) == [{"name": "Ada", "n": "3"}]


@pytest.mark.parametrize("as_text", [False, True])
def test_an_object_makes_variables_of_templates(as_text: bool, provider: OfflineProvider) -> None:
    """Its texts are templates, which data never is; what is no text goes out with its type."""
    made: Any = {
        "who": "{{ name }} of {{ city }}",
        "n": 3,
        "on": True,
        "list": ["{{ name }}", 1.5],
        "no": None,
    }
    if as_text:
        made = (
            '{"who": "{{ name }} of {{ city }}", "n": 3, "on": true, "list": ["{{ name }}", 1.5], "no": null}'
        )
    predict(provider, {"name": ["{{ city }}"], "city": ["Oslo"]}, {**USING, "variables": made})
    (sent,) = variables(provider)
    assert sent == {"who": "{{ city }} of Oslo", "n": 3, "on": True, "list": ["{{ city }}", 1.5], "no": None}
    assert (type(sent["n"]), type(sent["on"])) == (int, bool)


@pytest.mark.parametrize(
    "using", [{}, {"variables": ["a", "b"]}, {"variables": {"a": "{{a}}", "b": "{{b}}"}}]
)
def test_empty_variables_are_sent(using: dict[str, Any], provider: OfflineProvider) -> None:
    """NULL and blank cells are variables, too, as long as one of the row has something in it."""
    cells = {"a": ["x", "y", None, " "], "b": ["", None, None, None]}
    answers = predict(provider, cells, {**USING, **using})
    assert variables(provider) == [{"a": "x", "b": ""}, {"a": "y", "b": ""}]
    assert answers["answer_error"].tolist()[2:] == ["nothing to ask: a, b are NULL or blank"] * 2


def test_a_cell_that_is_no_text_fails_its_row(provider: OfflineProvider) -> None:
    """And names its column, as every other failure of a cell does."""
    answers = predict(provider, {"a": ["x", b"\xff"], "b": [1, 2]}, USING)
    assert answers["answer_error"][1].startswith("a: the bytes are not UTF-8")
    assert len(provider.requests) == 1


def test_answers_are_not_kept_unless_one_says_so(provider: OfflineProvider) -> None:
    """The prompt lives at Portkey and may have changed since; equal rows of one query go once."""
    cells = {"name": ["Ada", "Ada"]}
    for _ in range(2):
        predict(provider, cells, USING)
    assert len(provider.requests) == 2
    kept = predict(provider, cells, {**USING, "reuse": "1h"})
    assert len(provider.requests) == 2
    assert all("kept_from" in evidence for evidence in kept["answer_evidence"])
    predict(provider, cells, {**USING, "prompt_id": "pp-other", "reuse": "1h"})
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    ("prompt_id", "requests"), [("pp-x@12", 1), ("pp-x@latest", 2), ("pp-x@production", 2), ("pp-12", 2)]
)
def test_answers_of_one_version_are_kept(prompt_id: str, requests: int, provider: OfflineProvider) -> None:
    """A version never changes at Portkey; the latest one and labels do."""
    for _ in range(2):
        predict(provider, {"name": ["Ada"]}, {**USING, "prompt_id": prompt_id})
    assert len(provider.requests) == requests


def test_parameters_are_sent_only_where_they_are_given(provider: OfflineProvider) -> None:
    """They override those of the saved prompt, and a query's override the model's."""
    using = {**USING, "temperature": "0.5", "stop_sequences": ["x"], "other_parameters": {"seed": 1}}
    query = {"max_tokens": 5, "temperature": 0, "prompt_id": "pp-2", "model": "m"}
    predict(provider, {"name": ["Ada"]}, using, query=query)
    assert provider.requests[0].path == "/v1/prompts/pp-2/completions"
    assert bodies(provider) == [
        {
            "variables": {"name": "Ada"},
            "model": "m",
            "max_tokens": 5,
            "temperature": 0,
            "stop": ["x"],
            "seed": 1,
        }
    ]


def test_a_prompt_may_be_saved_for_either_endpoint(provider: OfflineProvider) -> None:
    """One for completions answers with a text in another place."""
    provider.behaviour.faults = replying(lambda _: {"choices": [{"text": " Hi", "finish_reason": "length"}]})
    answers = predict(provider, {"name": ["Ada"]}, USING)
    assert answers["answer"].tolist() == [" Hi"]
    assert answers["answer_evidence"][0]["finish_reason"] == "length"
    provider.behaviour.faults = replying(lambda _: {"choices": [{}]})
    failed = predict(provider, {"name": ["Ada"]}, USING)
    assert failed["answer_error"].tolist() == ["the reply is not a chat completion: an object with choices"]


def test_json_mode_gives_an_object(provider: OfflineProvider) -> None:
    """Where the model or the query asks for it; what the saved prompt asks for itself nobody tells."""
    provider.behaviour.answer = lambda _: '{"stars": 5}'
    query = {"response_format": {"type": "json_object"}}
    assert predict(provider, {"name": ["Ada"]}, USING, query=query)["answer"].tolist() == [{"stars": 5}]
    assert predict(provider, {"name": ["Ada"]}, USING)["answer"].tolist() == ['{"stars": 5}']


@pytest.mark.parametrize(
    "prompt_id",
    ["../x", "..", ".", "a/b", "x/../y", "//host", "?x", "a?b", "a#b", "a%2fb", "a b", "é", "a\n", ""],
)
def test_an_id_that_leads_elsewhere_is_refused(prompt_id: str, provider: OfflineProvider) -> None:
    """It becomes a part of the path, which has the engine's keys in its headers."""
    for using, query in (({**USING, "prompt_id": prompt_id}, {}), (USING, {"prompt_id": prompt_id})):
        with pytest.raises(OptionError, match="prompt_id"):
            predict(provider, {"name": ["Ada"]}, using, query=query)
    assert provider.requests == []


@pytest.mark.parametrize("prompt_id", ["pp-1", "pp-review-1@latest", "my.prompt_2", "pp-1@3"])
def test_ids_slugs_and_versions_are_ids(prompt_id: str, provider: OfflineProvider) -> None:
    """As Portkey writes them."""
    predict(provider, {"name": ["Ada"]}, {**USING, "prompt_id": prompt_id})
    assert provider.requests[0].path == f"/v1/prompts/{prompt_id}/completions"


@pytest.mark.parametrize(("using", "words"), [
    ({"prompt_id": None}, "mode = 'prompt' needs prompt_id"),
    ({"variables": "name"}, "variables = .*: expected an object or a list of names"),
    ({"variables": [1]}, "variables = .*: expected an object or a list of names"),
    ({"column": "name"}, "column belongs to mode"),
    ({"prompt_template": "{{ name }}"}, "prompt_template belongs to mode"),
    ({"parameters": {"variables": {}}}, "parameters.variables cannot be used here"),
])  # fmt: skip
def test_wrong_options_are_refused(using: dict[str, Any], words: str, provider: OfflineProvider) -> None:
    """Before there are rows."""
    with pytest.raises(OptionError, match=words):
        predict(provider, {"name": ["Ada"]}, {**USING, **using})


@pytest.mark.parametrize(("made", "words"), [
    (["nme"], "variables = 'nme' is not among the rows' columns, did you mean 'name'"),
    ({"x": "{{ nme }}"}, "variables: there is no column 'nme', did you mean 'name'"),
])  # fmt: skip
def test_a_missing_column_is_named(made: Any, words: str, provider: OfflineProvider) -> None:
    """Before anything is sent."""
    with pytest.raises(InputError, match=words):
        predict(provider, {"name": ["Ada"]}, {**USING, "variables": made})
    assert provider.requests == []


def test_a_saved_prompt_in_sql(provider: OfflineProvider) -> None:
    """Variables in SQL's own braces; the WHERE gives them, as it gives a question."""
    with Session() as session:
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL m PREDICT answer USING engine = 'e', mode = 'prompt', prompt_id = 'pp-1', "
            """variables = {"who": "{{ name }}", "n": 3}, max_tokens = 50;"""
        )
        rows = session.sql("SELECT answer FROM m WHERE name = 'Ada'")
    assert rows["answer"][0].endswith("| Ada\n3")
    assert bodies(provider) == [{"variables": {"who": "Ada", "n": 3}, "max_tokens": 50}]
