"""The ML engine's hooks, as a host calls them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.storage import EngineStorage, ModelStorage, make_handler

from portkey_handler.errors import InputError, NotFoundError, OptionError, TemplateError, UsageError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.handler import PortkeyHandler

FRAME = pd.DataFrame({"question": ["Where is Stockholm?"]})


def described(handler: PortkeyHandler, table: Any = "args") -> dict[str, tuple[str, str]]:
    """Give DESCRIBE's rows: option to value and source."""
    frame = handler.describe(table)
    assert list(frame.columns) == ["option", "value", "source"]
    return {row.option: (row.value, row.source) for row in frame.itertuples()}


# CREATE ML_ENGINE


@pytest.mark.parametrize("arguments", [{}, None])
def test_an_engine_needs_no_arguments(
    arguments: dict[str, Any] | None, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without USING the environment says where it goes."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    make_handler().create_engine(arguments)  # type: ignore[arg-type]
    make_handler().update_engine(arguments)  # type: ignore[arg-type]
    assert [request.path for request in provider.requests] == ["/v1/models"] * 2
    make_handler(arguments, {"model": "m"}).predict(FRAME)
    assert len(provider.requests) == 3


# CREATE MODEL


@pytest.mark.parametrize("target", ["answer", ["answer"]])
def test_validation_takes_what_create_takes(target: Any) -> None:
    """The host hands the target over as text or as a list, and knows no model yet."""
    args = {"target": "answer", "using": {"column": "question", "engine": "portkey_engine"}}
    PortkeyHandler.create_validation(target, args, EngineStorage({"provider": "openai"}))
    PortkeyHandler.create_validation(target, None, EngineStorage(None))
    PortkeyHandler.create_validation(target)
    handler = make_handler()
    handler.create(target, args=args)
    assert handler.model_storage.json_get("args") == {"target": "answer", "using": args["using"]}


@pytest.mark.parametrize(
    ("using", "kind"),
    [
        ({"max_tokens": "many"}, OptionError),
        ({"prompt_template": "{% for x in y %}{% endfor %}"}, TemplateError),
        ({"system_prompt": "{{ unclosed"}, TemplateError),
        ({"portkey_api_key": "pk"}, OptionError),
    ],
)
def test_a_wrong_model_is_refused_before_it_is_made(using: dict[str, Any], kind: type[Exception]) -> None:
    """CREATE MODEL itself fails; and so does create, in hosts that do not validate. Nothing is stored."""
    with pytest.raises(kind):
        PortkeyHandler.create_validation("answer", {"using": using}, EngineStorage())
    handler = make_handler()
    with pytest.raises(kind):
        handler.create("answer", args={"using": using})
    assert handler.model_storage.records == {}


def test_rows_of_create_model_are_checked(provider: OfflineProvider) -> None:
    """CREATE MODEL … FROM shows the columns that there will be; nothing is sent."""
    handler = make_handler({"base_url": provider.base_url})
    with pytest.raises(InputError, match="column = 'text' is not among the rows' columns"):
        handler.create("answer", FRAME, {"using": {"column": "text"}})
    handler.create("answer", FRAME, {"using": {"column": "question"}})
    assert provider.requests == []


def test_a_model_without_a_model_is_told_that_it_is_an_old_one(caplog: pytest.LogCaptureFixture) -> None:
    """The default is the documentation's, which providers have retired."""
    make_handler(using={"model": "gpt-4o-mini"})
    make_handler({"model": "gpt-4o-mini"}, {})
    assert caplog.text == ""
    make_handler(using={})
    assert "no model was given, so claude-2.1 is asked" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# RETRAIN


def test_retrain_overlays_the_version_before() -> None:
    """Earlier arguments stay, new ones replace them under any name; the version before is kept."""
    first = make_handler(using={"column": "a", "max_tokens": 5, "stop": "x", "model": "m"}).model_storage
    handler = make_handler(
        using={"prompt_template": "{{ a }}", "max_completion_tokens": 9, "stop_sequences": "y"},
        previous=first,
    )
    assert handler.model_storage.json_get("args")["using"] == {
        "model": "m",
        "prompt_template": "{{ a }}",
        "max_completion_tokens": 9,
        "stop_sequences": "y",
    }
    assert first.json_get("args")["using"]["column"] == "a"


def test_a_wrong_retrain_stores_nothing() -> None:
    """The version before stays as it was."""
    first = make_handler(using={"model": "m"}).model_storage
    with pytest.raises(OptionError):
        make_handler(using={"max_tokens": 0}, previous=first)
    assert first.json_get("args")["using"] == {"model": "m"}


def test_update_overlays_the_options_that_are_there() -> None:
    """MindsDB's REST API calls it, by a name with a slip; a wrong option changes nothing."""
    handler = make_handler({}, {"column": "question", "model": "m", "max_tokens": 5})
    handler.upgate({"using": {"max_tokens": 9}})
    assert described(handler)["max_tokens"][0] == "9"
    with pytest.raises(OptionError, match="max_tokenz is not an option"):
        handler.update({"using": {"max_tokenz": 1}})
    with pytest.raises(UsageError) as caught:
        handler.update({"max_tokens": 1})
    assert str(caught.value) == 'options of a model stand in {"problem_definition": {"using": {…}}}'
    assert described(handler)["max_tokens"][0] == "9"


def test_a_first_version_starts_from_nothing() -> None:
    """A storage without a version before is no RETRAIN."""
    assert make_handler(using={"model": "m"}, previous=None).model_storage.json_get("args")["using"] == {
        "model": "m"
    }


# SELECT


def test_the_documentations_statements_work(provider: OfflineProvider) -> None:
    """CREATE MODEL and SELECT as users know them send model and max_tokens, and the question."""
    using = {"column": "question", "engine": "portkey_engine", "max_tokens": 300, "model": "claude-2.1"}
    handler = make_handler({"base_url": provider.base_url, "portkey_api_key": "your-portkey-api-key"}, using)
    frame = pd.DataFrame({"question": ["Where is Stockholm located?"]})
    answers = handler.predict(frame, {"pred_format": "dict", "predict_params": {}, "using": {}})
    assert answers["answer"][0].endswith("| Where is Stockholm located?")
    (request,) = provider.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "claude-2.1",
        "max_tokens": 300,
        "messages": [{"role": "user", "content": "Where is Stockholm located?"}],
    }


def test_select_using_beats_the_model_for_one_query(provider: OfflineProvider) -> None:
    """What SELECT says holds for this SELECT; the host's words are passed over."""
    handler = make_handler({"base_url": provider.base_url}, {"model": "m", "max_tokens": 5})
    handler.predict(FRAME, {"using": {"model": "other", "threads": 3, "error": "skip"}})
    handler.predict(FRAME, None)
    assert [request.body["model"] for request in provider.requests] == ["other", "m"]


def test_the_engine_is_read_anew_for_each_predict(provider: OfflineProvider) -> None:
    """A changed key is in force at once, in a handler that the host has kept."""
    handler = make_handler(
        {"base_url": provider.base_url, "portkey_api_key": "old"}, {"model": "m", "reuse": "never"}
    )
    handler.predict(FRAME)
    handler.engine_storage.arguments = {"base_url": provider.base_url, "portkey_api_key": "new"}
    handler.predict(FRAME)
    assert [request.headers["x-portkey-api-key"] for request in provider.requests] == ["old", "new"]


def test_it_works_again_after_close(provider: OfflineProvider) -> None:
    """The host keeps handlers and goes on to use them."""
    handler = make_handler({"base_url": provider.base_url}, {"model": "m", "reuse": "never"})
    for _ in range(2):
        assert len(handler.predict(FRAME)) == 1
        handler.close()
        handler.close()
    assert len(provider.requests) == 2


def test_a_model_without_its_record_says_what_to_do() -> None:
    """A record that a host has lost is no riddle."""
    with pytest.raises(UsageError, match="create it anew by CREATE OR REPLACE MODEL"):
        PortkeyHandler(ModelStorage(), EngineStorage()).predict(FRAME)


# DESCRIBE


@pytest.mark.parametrize("nothing", [None, "", []])
def test_describe_lists_the_tables(nothing: Any) -> None:
    """The first column has the names that DESCRIBE model.name takes."""
    frame = make_handler(using={"model": "m"}).describe(nothing)
    assert {"args", "engine", "usage", "errors", "runs"} <= set(frame.iloc[:, 0])


def test_describe_args_says_where_each_value_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, environment, engine or model; secrets are stars; what was replaced is not in force."""
    monkeypatch.setenv("PORTKEY_TRACE_ID", "t")
    handler = make_handler(
        {"portkey_api_key": "pk-secret", "provider": "openai", "config": "pc-slug", "temperature": "0.5"},
        {"prompt_template": "{{ a }}", "max_completion_tokens": 9, "deduplicate": False, "top_p": None},
    )
    args = described(handler, ["ARGS"])
    assert args["portkey_api_key"] == ("******", "engine")
    assert args["config"] == ("pc-slug", "engine")
    assert args["trace_id"] == ("t", "environment")
    assert args["model"] == ("claude-2.1", "default")
    assert args["temperature"] == ("0.5", "engine")
    assert args["max_completion_tokens"] == ("9", "model")
    assert args["deduplicate"] == ("false", "model")
    assert args["top_p"] == ("NULL", "model")
    assert "max_tokens" not in args
    assert "column" not in args


def test_describe_engine_is_about_the_gateway() -> None:
    """What goes where, without what is asked."""
    given = {"base_url": "http://localhost:1/v1", "retry": 2}
    engine = described(make_handler(given, {"max_tokens": 5}), "engine")
    assert engine["retry"] == ("{'attempts': 2}", "engine")
    assert engine["base_url"] == ("http://localhost:1/v1", "engine")
    assert "max_tokens" not in engine


def test_describe_of_what_there_is_not() -> None:
    """The error lists the tables."""
    with pytest.raises(NotFoundError, match="no table 'usages' to describe; it has args, engine, usage"):
        make_handler(using={"model": "m"}).describe("usages")


# FINETUNE


def test_finetune_is_refused_with_what_to_do_instead() -> None:
    """Models behind a gateway are trained elsewhere."""
    with pytest.raises(
        UsageError, match=r"fine-tune it at its provider and name the result by RETRAIN … USING"
    ):
        make_handler(using={"model": "m"}).finetune(FRAME, {"using": {}})


def test_the_target_is_made_not_learned() -> None:
    """MindsDB asks for a table with the target in it unless a handler says so."""
    assert make_handler().generative is True
