"""A prompt that names no column gave one answer beside every row, without a word."""

from __future__ import annotations

from typing import Any

import pytest
from support.predicting import bodies, predict
from support.storage import make_handler

from portkey_handler.errors import TemplateError
from portkey_handler.gateway.offline import OfflineProvider

CELLS = {"text": ["a", "b"], "image": ["http://x/1.png", "http://x/2.png"]}
OR = "say constant_prompt = true if one answer is meant"


@pytest.mark.parametrize(
    ("using", "message"),
    [
        (
            {"prompt_template": "Classify: {text}"},
            f"prompt_template names no column, so all rows would get one answer; write {{{{ text }}}} instead of "
            f"{{text}}, or {OR}",
        ),
        (
            {"prompt_template": "Classify: ${review}"},
            "prompt_template names no column, so all rows would get one answer; write {{ review }} instead of "
            f"${{review}}, or {OR}",
        ),
        (
            {"prompt_template": "Classify: %(text)s"},
            f"prompt_template names no column, so all rows would get one answer; write {{{{ text }}}} instead of "
            f"%(text)s, or {OR}",
        ),
        (
            {"prompt_template": "Classify the sentiment."},
            "prompt_template names no column, so all rows would get one answer; write {{ text }}, where the column "
            f"is called text, or {OR}",
        ),
        (
            {"prompt_template": 'Classify {{ "Review Text" }}'},
            'prompt_template names no column, so all rows would get one answer; write {{ row["Review Text"] }} '
            f'instead of {{{{ "Review Text" }}}}, or {OR}',
        ),
        (
            {"mode": "completion", "prompt_template": "{ text }"},
            f"prompt_template names no column, so all rows would get one answer; write {{{{ text }}}} instead of "
            f"{{ text }}, or {OR}",
        ),
        (
            {"mode": "embedding", "model": "m", "prompt_template": "text"},
            "prompt_template names no column, so all rows would get one answer; write {{ text }}, where the column "
            f"is called text, or {OR}",
        ),
        (
            {"messages": [{"role": "user", "content": "{text}"}]},
            f"messages names no column, so all rows would get one answer; write {{{{ text }}}} instead of {{text}}, "
            f"or {OR}",
        ),
        (
            {"mode": "prompt", "prompt_id": "pp-x", "variables": {"review": "${text}"}},
            f"variables names no column, so all rows would get one answer; write {{{{ text }}}} instead of "
            f"${{text}}, or {OR}",
        ),
        (
            {"mode": "request", "path": "/moderations", "body": {"input": "{text}"}},
            f"body names no column, so all rows would get one answer; write {{{{ text }}}} instead of {{text}}, or {OR}",
        ),
    ],
    ids=str,
)
def test_a_prompt_that_names_no_column_is_refused(
    provider: OfflineProvider, using: dict[str, Any], message: str
) -> None:
    """The message shows the form that is read, with the name that was meant."""
    with pytest.raises(TemplateError) as caught:
        predict(provider, CELLS, using)
    assert str(caught.value) == message
    assert provider.requests == []


def test_it_is_refused_when_the_model_is_created(provider: OfflineProvider) -> None:
    """The first query would be too late for who leaves the office."""
    with pytest.raises(TemplateError, match=r"^prompt_template names no column"):
        make_handler({"base_url": provider.base_url}, {"prompt_template": "Classify {text}"})


@pytest.mark.parametrize(
    "using",
    [
        {"prompt_template": "Describe it.", "image_column": "image"},
        {"prompt_template": "Answer.", "system_prompt": "The text is {{ text }}."},
        {"prompt_template": "Answer as {json}: {{ text }}"},
        {"mode": "prompt", "prompt_id": "pp-x", "variables": ["text"]},
        {"mode": "prompt", "prompt_id": "pp-x"},
        {"column": "text"},
    ],
    ids=str,
)
def test_what_brings_the_row_is_enough(provider: OfflineProvider, using: dict[str, Any]) -> None:
    """An image, the system prompt, a list of columns."""
    predict(provider, CELLS, using)
    assert len(provider.requests) == 2


def test_one_answer_may_be_meant(provider: OfflineProvider) -> None:
    """Equal rows are asked once."""
    rows = predict(provider, CELLS, {"prompt_template": "Say hello.", "constant_prompt": True})
    assert rows["answer"].nunique() == 1
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    "using",
    [
        {"messages": [{"role": "user", "content": "Say this is a test"}]},
        {"mode": "request", "path": "/moderations", "body": {"input": "a"}},
    ],
)
def test_one_row_may_send_a_whole_request(provider: OfflineProvider, using: dict[str, Any]) -> None:
    """As the documentation of SDKs does; there is no other row that could get its answer."""
    predict(provider, {"text": ["a"]}, using)
    assert len(bodies(provider)) == 1


@pytest.mark.parametrize(
    ("using", "warning"),
    [
        (
            {"prompt_template": "{{ text }} of {Image}"},
            "prompt_template: {Image} is sent as it is; write {{ image }} if the column is meant",
        ),
        (
            {"column": "text", "system_prompt": "See %(image)s and {% if text %}{nothing}{% endif %}"},
            "system_prompt: %(image)s is sent as it is; write {{ image }} if the column is meant",
        ),
    ],
)
def test_a_column_in_another_form_beside_ours_is_said(
    using: dict[str, Any], warning: str, provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """It was sent as it is in every row, without a word."""
    predict(provider, CELLS, using)
    assert [record.getMessage() for record in caplog.records if "is sent" in record.getMessage()] == [warning]


@pytest.mark.parametrize(
    "using",
    [
        {"prompt_template": 'Give {"label": "…"} or {other} for {{ text }}'},
        {"prompt_template": "{% raw %}{{ text }}{% endraw %} {{ text }}"},
        {"prompt_template": "{{text}}{# {image} #}"},
    ],
)
def test_braces_that_are_no_columns_are_not_said(
    using: dict[str, Any], provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON in a prompt, other words, comments."""
    predict(provider, CELLS, using)
    assert [record.getMessage() for record in caplog.records if "is sent" in record.getMessage()] == []
