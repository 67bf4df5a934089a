"""The words of other engines: the error says what to write here. 32 of 49 tutorial pages use one."""

from __future__ import annotations

import pytest

from portkey_handler.errors import OptionError
from portkey_handler.options import OPTIONS, other_engines, resolve

KEY = "write portkey_api_key, or provider_api_key for the provider's own key, in CREATE ML_ENGINE … FROM portkey"
ADDRESS = "write base_url for the gateway's address, or custom_host for the provider's, in CREATE ML_ENGINE … FROM portkey"


def said(level: str, name: str, value: object = "x") -> str:
    """Give the first line of the error about an option."""
    given = {"engine": {}, "model": {}, level: {name: value}}
    with pytest.raises(OptionError) as caught:
        resolve(target="a", environment={}, **given)
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("model_name", "write model"),
        ("question_column", "write column"),
        ("input_column", "write column"),
        ("user_column", "write column"),
        (
            "context_column",
            "write prompt_template, with columns in it: 'Answer from this text: {{context}} … {{question}}'",
        ),
        ("json_struct", "write output"),
        ("prompt", "write prompt_template"),
        ("system_message", "write system_prompt"),
        ("api_base", ADDRESS),
        ("openai_api_key", KEY),
        (
            "task",
            'write output, such as output = \'{"label": {"enum": ["good", "bad"]}}\', and say the task in the prompt',
        ),
        ("assistant_column", "write messages_column for a conversation per row, or messages"),
        ("max_new_tokens", "write max_tokens"),
        ("llm_model", "write model"),
        ("language_model", "write model"),
        ("embeddings_model", "write mode = 'embedding', model = …"),
        ("ollama_base_url", ADDRESS),
        ("my_service_url", ADDRESS),
        ("together_api_key", KEY),
        ("portkey_key", KEY),
        ("review_column", "write column"),
        ("history_column", "write messages_column for a conversation per row, or messages"),
        ("input_columns", "write prompt_template, with all columns in it: '{{title}}: {{text}}'"),
        ("system_template", "write system_prompt"),
        ("review_prompt", "write prompt_template"),
        ("answer_schema", "write output"),
        ("json_mode", "write output, such as output = 'sentiment string, score float'"),
        ("stop_words", "write stop"),
        ("max_budget", "write max_cost"),
        ("retry_count", "write max_attempts"),
        ("n_jobs", "write concurrency"),
        ("deployment_name", "write azure_deployment_id in CREATE ML_ENGINE … FROM portkey"),
    ],
)
def test_a_word_of_another_engine_gets_ours(name: str, instead: str) -> None:
    """In capital letters too."""
    for written in (name, name.upper()):
        assert said("model", written) == f"{name} is not an option of CREATE MODEL … USING; {instead}"


def test_they_are_known_on_the_engine_too() -> None:
    """Its keys and addresses are called otherwise elsewhere."""
    assert said("engine", "openai_api_key", "canary") == (
        f"openai_api_key is not an option of CREATE ML_ENGINE … USING; {KEY}"
    )
    assert said("engine", "api_base", "http://x") == (
        f"api_base is not an option of CREATE ML_ENGINE … USING; {ADDRESS}"
    )


@pytest.mark.parametrize(
    ("mode", "instead"),
    [
        ("default", "leave mode out, or write mode = 'chat'"),
        ("conversational", "write mode = 'chat' with messages_column, a conversation per row"),
        ("Embeddings", "write mode = 'embedding'"),
        ("vision", "leave mode out, and write image_column, the column with the images"),
        ("text-generation", "leave mode out, and say the task in prompt_template"),
        ("transcription", "write mode = 'request' with path and body"),
        (
            "image",
            "write mode = 'request', path = '/images/generations', body = {\"prompt\": \"{{ text }}\"}; to look at "
            "images write image_column",
        ),
    ],
)
def test_a_mode_of_another_engine_gets_ours(mode: str, instead: str) -> None:
    """The five modes of this engine are said where nothing better is known."""
    assert said("model", "mode", mode) == (
        f"mode = '{mode}' is not a mode here; {instead} (in CREATE MODEL … USING)"
    )
    assert "expected 'chat'" in said("model", "mode", "forecast")


def test_no_word_is_one_of_ours() -> None:
    """A word that became an option would never be reached."""
    assert not other_engines.WORDS.keys() & OPTIONS.keys()
    assert all(word == word.lower() for word in (*other_engines.WORDS, *other_engines.MODES))
