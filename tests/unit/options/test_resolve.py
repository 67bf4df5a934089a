"""USING: which options there are, at which level, and what becomes of them."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from portkey_handler.errors import OptionError
from portkey_handler.options import (
    OPTIONS,
    EngineConfig,
    Resolved,
    resolve,
    resolve_engine,
    secret_option_names,
)
from portkey_handler.options.catalog import ALIASES, HOST_WORDS
from portkey_handler.options.resolve import overlay
from portkey_handler.options.schema import LEVELS
from portkey_handler.secret import MASK, revealed

SECRET = "sk-do-not-show-me"


def resolved(
    model: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    engine: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Resolved:
    """Resolve what each level gives."""
    return resolve(
        target="answer", engine=engine or {}, model=model or {}, query=query, environment=environment or {}
    )


def parameters(*levels: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the request's parameters for CREATE MODEL's and SELECT's options."""
    found: dict[str, Any] = json.loads(resolved(*levels).plan.parameters)
    return found


def refusal(
    model: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    engine: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> OptionError:
    """Give the error that these options raise."""
    with pytest.raises(OptionError) as caught:
        resolved(model, query, engine, environment)
    return caught.value


# Levels

BELOW = {
    "cache_force_refresh",
    "cache_namespace",
    "config",
    "metadata",
    "provider",
    "request_timeout",
    "trace_id",
    "virtual_key",
}


def test_of_the_gateways_options_only_a_list_goes_below_the_engine() -> None:
    """A new gateway option stays on the engine until somebody puts it on this list."""
    below = {
        name
        for name, entry in OPTIONS.items()
        if entry.section == "gateway" and set(entry.levels) & {"model", "query"}
    }
    assert below == BELOW


@pytest.mark.parametrize("level", ["model", "query"])
@pytest.mark.parametrize(
    "name",
    sorted(name for name, entry in OPTIONS.items() if entry.section == "gateway" and name not in BELOW),
)
def test_the_rest_is_refused_below_the_engine_with_what_to_write(name: str, level: str) -> None:
    """The error says why, and the CREATE ML_ENGINE that it takes; the value is nobody's business."""
    error = refusal(**{level: {name: SECRET}})
    assert f"write CREATE ML_ENGINE … FROM portkey USING {name} = …" in str(error)
    assert "an engine's keys go only where the engine says" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "alias", [name for name, option in ALIASES.items() if OPTIONS.get(option) is not None]
)
def test_aliases_have_the_levels_of_what_they_stand_for(alias: str) -> None:
    """An alias opens no way around a level."""
    if OPTIONS[ALIASES[alias]].levels == ("engine",):
        assert f"{alias} cannot be given in SELECT … USING" in str(refusal(query={alias: SECRET}))


def test_options_of_the_query_are_no_engines_options() -> None:
    """What belongs to CREATE MODEL is refused in CREATE ML_ENGINE, with its place."""
    with pytest.raises(
        OptionError, match=r"^column cannot be given in CREATE ML_ENGINE … USING; it belongs to"
    ):
        resolve_engine({"column": "question"}, {})


def test_the_engine_takes_generation_and_execution_as_defaults() -> None:
    """An engine may say for all of its models which model, how many tokens and how many at a time."""
    plan = resolved(
        engine={"model": "gpt-4o-mini", "max_tokens": 7, "concurrency": 3, "temperature": 0.5}
    ).plan
    assert json.loads(plan.parameters) == {"model": "gpt-4o-mini", "max_tokens": 7, "temperature": 0.5}
    assert plan.execution.concurrency == 3


def test_every_option_says_what_it_means_in_one_sentence() -> None:
    """The documentation is made of these words."""
    for entry in OPTIONS.values():
        assert entry.words[:-1].strip(), entry.name
        assert entry.words.endswith("."), entry.name
        assert set(LEVELS) >= set(entry.levels) != set(), entry.name


def test_keys_are_secret_under_every_name() -> None:
    """What hosts hide is asked of this set."""
    assert {"portkey_api_key", "api_key", "provider_api_key", "authorization", "headers", "config"} <= (
        secret_option_names()
    )
    assert {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"} <= secret_option_names()


# Unknown options


def test_an_unknown_option_is_told_with_the_nearest_and_the_known() -> None:
    """First line: what is wrong and what was meant. Second: what there is, and where the rest goes."""
    first, second = str(refusal({"max_token": 5})).splitlines()
    assert first == "max_token is not an option of CREATE MODEL … USING; did you mean max_tokens?"
    assert "max_attempts" in second
    assert "every parameter that the chat endpoint documents" in second
    assert 'parameters = {"name": value}' in second


def test_an_unknown_option_of_the_engine_lists_the_engines() -> None:
    """The list is of the level that was written."""
    with pytest.raises(OptionError) as caught:
        resolve_engine({"bas_url": "http://x/v1"}, {})
    first, second = str(caught.value).splitlines()
    assert first == "bas_url is not an option of CREATE ML_ENGINE … USING; did you mean base_url?"
    assert "azure_resource_name" in second
    assert "column" not in second


@pytest.mark.parametrize("level", ["engine", "model", "query"])
def test_the_value_of_an_unknown_option_is_never_shown(level: str) -> None:
    """A misspelt key is still a key."""
    error = refusal(**{level: {"portkey_api_keyy": SECRET, "zzz": {"nested": [SECRET]}}})
    assert "portkey_api_keyy" in str(error)
    assert "zzz" in str(error)
    assert SECRET not in repr(error) + str(error) + repr(error.details)


def test_nothing_is_guessed_where_nothing_is_near() -> None:
    """A far name gets the list and no wild guess."""
    assert "did you mean" not in str(refusal({"qqqqqq": 1}))


def test_every_wrong_option_is_told_at_once() -> None:
    """One run of the statement shows everything there is to mend, at all levels."""
    error = refusal(
        {"max_tokens": "many", "temprature": 1, "base_url": "http://x/v1"},
        {"timeout": 0},
        {"concurrency": "-1"},
    )
    for part in ("max_tokens = 'many'", "temprature", "base_url", "timeout = 0", "concurrency = '-1'"):
        assert part in str(error).splitlines()[0]
    assert "(in SELECT … USING)" in str(error)
    assert len(error.problems) == 5


# Precedence


def test_select_beats_model_beats_engine_beats_environment_beats_default() -> None:
    """The one order, for an option that every level takes."""
    levels: list[tuple[str, Any]] = [
        ("environment", {"PORTKEY_TRACE_ID": "from environment"}),
        ("engine", {"trace_id": "from engine"}),
        ("model", {"trace_id": "from model"}),
        ("query", {"trace_id": "from query"}),
    ]
    for count in range(1, 5):
        found = resolved(**dict(levels[:count]))
        sent = {**found.credentials.options, **json.loads(found.plan.routing)}
        level = levels[count - 1][0]
        assert sent["trace_id"] == f"from {level}"
        assert (found.origins["trace_id"].value, found.origins["trace_id"].level) == (f"from {level}", level)


def test_what_nobody_gives_is_a_default() -> None:
    """Without a word, the documentation's model is asked for 100 tokens."""
    found = resolved()
    assert json.loads(found.plan.parameters) == {"model": "claude-2.1", "max_tokens": 100}
    assert (found.origins["max_tokens"].value, found.origins["max_tokens"].level) == (100, None)
    assert (found.plan.execution.timeout, found.plan.execution.max_attempts) == (60.0, 6)


def test_unset_is_not_null() -> None:
    """NULL in SELECT takes away what the model says; leaving it out does not."""
    model = {"temperature": 0.5, "concurrency": 4}
    assert parameters(model, {})["temperature"] == 0.5
    assert "temperature" not in parameters(model, {"temperature": None})
    assert resolved(model, {"concurrency": None}).plan.execution.concurrency is None


@pytest.mark.parametrize(
    ("model", "query", "column", "template"),
    [
        ({"column": "a"}, {"prompt_template": "{{b}}"}, None, "{{b}}"),
        ({"prompt_template": "{{b}}"}, {"column": "a"}, "a", None),
        ({"column": "a"}, {"column": "b"}, "b", None),
        ({"column": "a"}, {}, "a", None),
    ],
)
def test_column_and_template_are_alternatives(
    model: dict[str, str], query: dict[str, str], column: str | None, template: str | None
) -> None:
    """The stronger level's way of asking replaces the weaker one's."""
    options = resolved(model, query).plan.input
    assert (options.column, options.prompt_template) == (column, template)


def test_both_alternatives_at_one_level_are_an_error() -> None:
    """Nobody can tell which of them was meant."""
    assert "column and prompt_template both say what to ask" in str(
        refusal({"column": "a", "prompt_template": "{{a}}"})
    )
    assert "max_tokens and max_completion_tokens are the same limit" in str(
        refusal({"max_tokens": 1, "max_completion_tokens": 2})
    )


@pytest.mark.parametrize(
    ("model", "query", "sent"),
    [
        ({"max_completion_tokens": 9}, {}, {"max_completion_tokens": 9}),
        ({"max_tokens": 5}, {"max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": None}, {}, {}),
        ({"max_tokens": 5}, {"max_tokens": None}, {}),
        ({"max_tokens": None, "max_completion_tokens": 9}, {}, {"max_completion_tokens": 9}),
        ({"parameters": {"max_completion_tokens": 9}}, {}, {"max_completion_tokens": 9}),
    ],
)
def test_one_limit_of_tokens_is_sent(
    model: dict[str, Any], query: dict[str, Any], sent: dict[str, int]
) -> None:
    """The default of 100 goes when another limit, or NULL, is given; two limits never go out together."""
    found = parameters(model, query)
    assert {name: value for name, value in found.items() if name != "model"} == sent


def test_parameters_go_into_the_body_as_they_are() -> None:
    """What the provider takes besides is not looked at; the option of a name beats it at its level."""
    found = parameters({"parameters": {"repetition_penalty": 1.1, "temperature": 0}, "temperature": 1})
    assert (found["repetition_penalty"], found["temperature"]) == (1.1, 1)
    assert parameters({"temperature": 1}, {"parameters": {"temperature": 0}})["temperature"] == 0


# Values


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("max_tokens", "300", 300),
        ("temperature", "-0.5", -0.5),
        ("temperature", ".5", 0.5),
        ("top_p", "1e-2", 0.01),
        ("logit_bias", '{"50256": -100}', {"50256": -100}),
        ("stop", '["a", "b"]', ["a", "b"]),
        ("stop", "END", "END"),
        ("seed", "-7", -7),
        ("response_format", '{"type":\n "json_object"}', {"type": "json_object"}),
    ],
)
def test_numbers_and_objects_may_be_strings(name: str, written: str, value: Any) -> None:
    """SQL has no negative numbers, exponents or nested objects in USING."""
    assert parameters({name: written})[name] == value


def test_our_own_options_may_be_strings_too() -> None:
    """Numbers, booleans and objects of every section are read from text."""
    plan = resolved(
        {
            "timeout": "2.5",
            "concurrency": "7",
            "deduplicate": "false",
            "evidence": "TRUE",
            "metadata": '{"_user":\n"me"}',
            "parameters": '{"top_k": 3}',
        }
    ).plan
    assert (plan.execution.timeout, plan.execution.concurrency) == (2.5, 7)
    assert (plan.execution.deduplicate, plan.output.evidence) == (False, True)
    assert json.loads(plan.routing) == {"metadata": {"_user": "me"}}
    assert json.loads(plan.parameters)["top_k"] == 3


def test_an_engines_config_may_be_json_over_several_lines() -> None:
    """A config is written as people write JSON, and is not taken for a header with a line break."""
    credentials, _ = resolve_engine({"config": '{\n  "retry": {"attempts": 3}\n}'}, {})
    assert credentials.options["config"] == {"retry": {"attempts": 3}}


@pytest.mark.parametrize("value", ["many", "-1", 0, "0", 1.5, True, "true", "", [], {}, 2**63])
def test_max_tokens_is_a_whole_number_of_at_least_1(value: Any) -> None:
    """Each wrong value is an error that names option, value and what is accepted; nothing is clamped."""
    first = str(refusal({"max_tokens": value})).splitlines()[0]
    assert first.startswith("max_tokens = ")
    assert "expected a whole number" in first
    assert len(first) < 250


@pytest.mark.parametrize("name", ["max_tokens", "timeout", "on_error", "deduplicate", "concurrency"])
def test_a_long_text_where_a_word_is_expected_is_not_shown(name: str) -> None:
    """A key that was pasted behind the wrong option is still a key."""
    first = str(refusal({name: "sk-canary-0123456789-abcdef"})).splitlines()[0]
    assert first.startswith(f"{name}: expected ")
    assert "canary" not in first


@pytest.mark.parametrize("name", ["PORTKEY_API_KEY", "Api_Key", "Authorization"])
def test_a_secret_in_other_letters_is_refused_on_the_engine(name: str) -> None:
    """MindsDB hides a secret only where its name is written as the handler lists it."""
    with pytest.raises(OptionError, match="must be written in lower case") as caught:
        resolve_engine({name: "sk-canary"}, {})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"timeout": 0}, "timeout = 0: expected a number above 0"),
        ({"timeout": "inf"}, "timeout = 'inf': expected a number"),
        ({"timeout": None}, "timeout = NULL: expected a number"),
        ({"timeout": True}, "timeout = true: expected a number"),
        ({"max_attempts": 101}, "max_attempts = 101: expected a whole number of at most 100"),
        ({"concurrency": 0}, "concurrency = 0: expected a whole number of at least 1"),
        ({"on_error": "ignore"}, "on_error = 'ignore': expected 'raise' or 'null'"),
        ({"on_error": None}, "on_error = NULL: expected 'raise' or 'null'"),
        ({"deduplicate": "maybe"}, "deduplicate = 'maybe': expected true or false"),
        ({"column": ""}, "column = '': expected a text that is not empty"),
        ({"model": 7}, "model = 7: expected a text"),
        ({"mode": "chatty"}, "mode = 'chatty': expected 'chat'"),
        ({"temperature": "hot"}, "temperature = 'hot': expected a number"),
        ({"parameters": "x"}, "parameters: expected an object"),
        ({"parameters": '{"a": '}, "parameters: not valid JSON (expecting value, at character 7)"),
        ({"parameters": '{"a": NaN}'}, "parameters: not valid JSON (NaN is not a JSON number)"),
        ({"parameters": {"a": 2**70}}, "parameters: expected values that JSON can hold"),
        ({"parameters": {"a": "\ud800"}}, "parameters: expected values that JSON can hold"),
        ({"parameters": {"a": {1, 2}}}, "parameters: expected values that JSON can hold"),
        ({"parameters": '{"a":' * 20_000}, "parameters: not valid JSON (nested too deeply)"),
        ({"metadata": "[1]"}, "metadata: expected an object"),
        ({"request_timeout": "1s"}, "request_timeout = '1s': expected a whole number"),
        ({"trace_id": "\ud800"}, "trace_id = '\\ud800': expected a text"),
    ],
)
def test_wrong_values_are_told_with_what_is_accepted(given: dict[str, Any], words: str) -> None:
    """The option, the value received, what is accepted; of objects, which may hold anything, no value."""
    assert words in str(refusal(given))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("localhost:8787", "starts with http:// or https://"),
        ("ftp://localhost", "starts with http:// or https://"),
        ("http:///v1", "with a host in it"),
        ("http://[::1/v1", "with a host in it"),
        ("http://localhost:99999/v1", "with a host in it"),
        ("http://local host/v1", "with a host in it"),
        ("http://a..b/v1", "with a host in it"),
        (f"http://{'a' * 64}.invalid/v1", "with a host in it"),
        (f"http://user:{SECRET}@localhost/v1", "has a user or password in it"),
        (f"ftp://user:{SECRET}@localhost/v1", "starts with http:// or https://"),
        (f"http://localhost/v1?key={SECRET}", "without ? and #"),
        ("http://localhost/v1#there", "without ? and #"),
    ],
)
@pytest.mark.parametrize("name", ["base_url", "custom_host", "azure_foundry_url", "huggingface_base_url"])
def test_an_address_is_checked_before_it_is_called(name: str, written: str, said: str) -> None:
    """What no client could call, or what would carry a password into messages, is refused."""
    with pytest.raises(OptionError) as caught:
        resolve_engine({name: written}, {})
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "written", ["http://localhost:8787/v1", "https://xn--bcher-kva.example/v1", "http://[::1]:80/v1/"]
)
def test_an_address_goes_out_as_written(written: str) -> None:
    """Only a slash at the end goes, because the endpoint's path begins with one."""
    assert resolve_engine({"base_url": written}, {})[0].options["base_url"] == written.rstrip("/")


@pytest.mark.parametrize("given", [{"stream": True}, {"stream": "true"}, {"n": 2}, {"n": "2"}, {"n": 0}])
def test_what_would_change_the_answers_shape_is_refused(given: dict[str, Any]) -> None:
    """Streams and several answers per row are refused, with what to do instead."""
    name = next(iter(given))
    assert f"{name} cannot be used here" in str(refusal(given))
    assert f"parameters.{name} cannot be used here" in str(
        refusal({"parameters": {name: True if name == "stream" else 2}})
    )


@pytest.mark.parametrize("given", [{"stream": 1}, {"n": True}, {"messages": []}])
def test_parameters_open_no_way_around_that(given: dict[str, Any]) -> None:
    """What a provider could take for a stream, and messages beside the rows', are refused in there too."""
    assert f"parameters.{next(iter(given))} cannot be used here" in str(refusal({"parameters": given}))


@pytest.mark.parametrize(
    "given", [{"stream": False}, {"stream": "false"}, {"n": 1}, {"n": "1"}, {"n": None}, {"stream": None}]
)
def test_what_is_in_force_anyway_may_be_said(given: dict[str, Any]) -> None:
    """Copied options that change nothing are no error, and are not sent."""
    assert parameters(given) == {"model": "claude-2.1", "max_tokens": 100}


@pytest.mark.parametrize("text", ["a\r\nx-portkey-custom-host: http://evil", "a\nb", "a\x00b", "a\x7fb"])
@pytest.mark.parametrize("name", ["trace_id", "cache_namespace", "provider", "virtual_key", "config"])
def test_no_header_ends_early(name: str, text: str) -> None:
    """A line break in a value would start a header that nobody allowed."""
    assert name in str(refusal({name: text}))
    with pytest.raises(OptionError):
        resolve_engine({name: text}, {})


@pytest.mark.parametrize(
    "given", [{"forward_headers": ["a\r\nb"]}, {"headers": {"a": "b\nc"}}, {"headers": {"a b": "c"}}]
)
def test_the_engines_headers_end_where_they_end(given: dict[str, Any]) -> None:
    """Lists and objects of headers are looked through as well."""
    with pytest.raises(OptionError):
        resolve_engine(given, {})


# Names


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("api_key", "portkey_api_key", "pk"),
        ("gateway_url", "base_url", "http://localhost/v1"),
        ("authorization", "provider_api_key", "sk"),
        ("Gateway_URL", "base_url", "http://localhost/v1"),
    ],
)
def test_aliases_of_the_engine(alias: str, name: str, value: str) -> None:
    """Names that other Portkey integrations use, in any case, mean the same."""
    assert revealed(resolve_engine({alias: value}, {})[0].options) == {name: value}


def test_aliases_of_the_body() -> None:
    """`stop_sequences` and `other_parameters` are known from the old handlers."""
    assert parameters({"stop_sequences": "END"})["stop"] == "END"
    assert parameters({"other_parameters": {"top_k": 3}})["top_k"] == 3


def test_one_option_under_two_names_is_an_error() -> None:
    """Which of the two is meant cannot be told."""
    with pytest.raises(
        OptionError, match="portkey_api_key and api_key are the same option; give one of them"
    ):
        resolve_engine({"portkey_api_key": SECRET, "api_key": SECRET}, {})


@pytest.mark.parametrize("word", sorted(HOST_WORDS))
def test_the_hosts_words_are_passed_over(word: str) -> None:
    """MindsDB leaves some of its own words in USING."""
    assert resolved({word: "anything"}, {word: 3}).plan == resolved().plan


def test_an_option_of_another_mode_is_passed_over_in_select(caplog: pytest.LogCaptureFixture) -> None:
    """It was meant for the other model of the JOIN; the log says so, without the value."""
    with caplog.at_level("INFO", "portkey_handler"):
        assert resolved({}, {"encoding_format": "float-of-mine"}).plan == resolved().plan
    assert "encoding_format" in caplog.text
    assert "float-of-mine" not in caplog.text
    assert "encoding_format belongs to mode embedding; this model's is chat" in str(
        refusal({"encoding_format": "float"})
    )


# RETRAIN


def test_retrain_overlays() -> None:
    """What is given replaces; what is not stays."""
    assert overlay({"model": "a", "max_tokens": 5}, {"model": "b"}) == {"model": "b", "max_tokens": 5}


@pytest.mark.parametrize(
    ("earlier", "given"),
    [
        ({"stop": "a"}, {"stop_sequences": "b"}),
        ({"column": "a"}, {"prompt_template": "{{a}}"}),
        ({"prompt_template": "{{a}}"}, {"column": "a"}),
        ({"max_tokens": 5}, {"max_completion_tokens": 9}),
        ({"Max_Tokens": 5}, {"max_tokens": 9}),
    ],
)
def test_retrain_replaces_what_means_the_same(earlier: dict[str, Any], given: dict[str, Any]) -> None:
    """An alias or alternative of an earlier option takes its place instead of contradicting it."""
    assert overlay(earlier, given) == given
    resolved(overlay(earlier, given))


def test_retrain_as_another_mode_leaves_what_means_nothing_to_it() -> None:
    """A chat that becomes an embedding has no system prompt and no temperature to contradict."""
    chat = {"column": "a", "system_prompt": "b", "temperature": 1, "max_tokens": 5, "retry": 2, "model": "m"}
    given = {"mode": "embedding", "model": "e"}
    assert overlay(chat, given) == {"column": "a", "retry": 2, **given}
    resolved(overlay(chat, given))


# Environment


def test_every_gateway_option_may_come_from_the_environment() -> None:
    """PORTKEY_<OPTION>; the key's is PORTKEY_API_KEY; other variables are nobody's business."""
    credentials, _ = resolve_engine(
        {},
        {
            "PORTKEY_API_KEY": "pk",
            "PORTKEY_BASE_URL": "http://localhost:8787/v1",
            "PORTKEY_PROVIDER": "openai",
            "PORTKEY_PROVIDER_API_KEY": "sk",
            "PORTKEY_CONFIG": '{"retry": {"attempts": 2}}',
            "PORTKEY_REQUEST_TIMEOUT": "500",
            "PORTKEY_HANDLER_HOME": "/tmp",
            "PORTKEY_MODEL": "gpt",
            "PORTKEY_VIRTUAL_KEY": "",
        },
    )
    assert revealed(credentials.options) == {
        "portkey_api_key": "pk",
        "base_url": "http://localhost:8787/v1",
        "provider": "openai",
        "provider_api_key": "sk",
        "config": {"retry": {"attempts": 2}},
        "request_timeout": 500,
    }


def test_a_wrong_value_of_the_environment_says_so() -> None:
    """Who reads the error looks into the environment, not into the statement."""
    error = refusal(environment={"PORTKEY_BASE_URL": "nowhere", "PORTKEY_HEADERS": SECRET})
    assert "base_url = 'nowhere'" in str(error)
    assert "(in the environment)" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "engine",
    [
        {"base_url": "http://elsewhere/v1"},
        {"custom_host": "http://elsewhere/v1"},
        {"config": {"custom_host": "http://elsewhere"}},
        {"config": '{"custom_host": "http://elsewhere"}'},
        {"headers": {"x-portkey-custom-host": "http://elsewhere"}},
        {"forward_headers": ["authorization"]},
        {"azure_foundry_url": "http://elsewhere"},
        {"huggingface_base_url": "http://elsewhere"},
        {"vertex_region": "x/elsewhere"},
    ],
)
def test_the_environments_keys_stay_where_the_engine_names_an_address(engine: dict[str, Any]) -> None:
    """A key and the address it goes to come from the same level."""
    keys = {"PORTKEY_API_KEY": "pk-environment", "PORTKEY_PROVIDER_API_KEY": "sk-environment"}
    credentials, _ = resolve_engine(engine, keys)
    assert "environment" not in str(revealed(credentials.options))
    assert set(credentials.withheld) == {"portkey_api_key", "provider_api_key"}


def test_the_environments_provider_key_stays_with_its_provider() -> None:
    """An engine that names another provider does not get the environment's key for it."""
    credentials, _ = resolve_engine(
        {"provider": "groq"}, {"PORTKEY_PROVIDER_API_KEY": "sk", "PORTKEY_API_KEY": "pk"}
    )
    assert revealed(credentials.options) == {"provider": "groq", "portkey_api_key": "pk"}


@pytest.mark.parametrize(
    "engine", [{}, {"virtual_key": "v"}, {"config": "pc-slug"}, {"portkey_api_key": "pk-engine"}]
)
def test_the_environments_keys_are_used_otherwise(engine: dict[str, Any]) -> None:
    """A slug names something in the account of the key itself, and is no address."""
    credentials, _ = resolve_engine(engine, {"PORTKEY_API_KEY": "pk-environment"})
    key = credentials.options["portkey_api_key"].reveal()
    assert key == engine.get("portkey_api_key", "pk-environment")


# Plan and credentials


def test_equal_options_make_equal_plans() -> None:
    """A plan is a value: equal, hashable, and the same after a pickle; the order of options says nothing."""
    one = resolved({"model": "a", "metadata": {"x": "1", "y": "2"}, "temperature": 0.5}).plan
    other = resolved({"temperature": "0.5", "metadata": '{"y": "2", "x": "1"}', "model": "a"}).plan
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own bytes
    assert one != resolved({"model": "b"}).plan


def test_the_plan_holds_no_key() -> None:
    """What is sent to another process has nothing of the engine's secrets in it."""
    plan = resolved(
        engine={"portkey_api_key": SECRET, "headers": {"a": SECRET}, "config": {"api_key": SECRET}}
    ).plan
    assert SECRET.encode() not in pickle.dumps(plan)
    assert SECRET not in repr(plan)


def test_credentials_are_not_pickled() -> None:
    """They are resolved where the work runs; neither pickle nor deep copy takes them along."""
    for attempt in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="credentials are not pickled"):
            attempt(EngineConfig({"portkey_api_key": SECRET}))


def test_credentials_do_not_show_themselves() -> None:
    """Not in repr, str, format, vars, nor among the locals of a traceback."""
    credentials = EngineConfig({"portkey_api_key": SECRET})
    shown = [repr(credentials), str(credentials), f"{credentials}", f"{[credentials]!r}"]
    assert "portkey_api_key" in shown[0]
    with pytest.raises(TypeError):
        vars(credentials)

    def fail(held: EngineConfig) -> None:
        raise RuntimeError

    try:
        fail(credentials)
    except RuntimeError as error:
        # The frame of this test knows more than a caller would.
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        told.stack = traceback.StackSummary(list(told.stack)[1:])
        shown.append("".join(told.format()))
    assert SECRET not in "".join(shown)


def test_origins_mask_what_is_secret() -> None:
    """DESCRIBE is made of origins; a slug is a name and may be seen."""
    origins = resolved(
        engine={"portkey_api_key": SECRET, "config": {"api_key": SECRET}, "provider": "openai"}
    ).origins
    assert (origins["portkey_api_key"].value, origins["config"].value) == (MASK, MASK)
    assert (origins["provider"].value, origins["provider"].level) == ("openai", "engine")
    assert resolved({"config": "pc-slug"}).origins["config"].value == "pc-slug"
    assert SECRET not in repr(origins)


def test_origins_leave_out_what_was_withheld() -> None:
    """A key of the environment that is not sent is not told to be in force."""
    found = resolved(engine={"base_url": "http://x/v1"}, environment={"PORTKEY_API_KEY": SECRET})
    assert "portkey_api_key" not in found.origins
