"""A key of an engine is searched for in the local variables of errors, and of queries that run."""

from __future__ import annotations

import _thread
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from support.shown_locals import (
    chain,
    error_of,
    frames_of_package,
    running,
    written_by_reporters,
    written_by_rich,
)
from support.storage import EngineStorage, ModelStorage

import portkey_handler
from portkey_handler.errors import (
    ConnectError,
    NewerFileError,
    NotFoundError,
    OptionError,
    PortkeyHandlerError,
    QueryError,
    StatementError,
    TemplateError,
)
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.handler import PortkeyHandler
from portkey_handler.options import EngineConfig, resolve, resolve_engine
from portkey_handler.session import Session

#: Not a parameter of any test, whose frames would show it.
CANARY = "sk-canary-0123456789abcdef"
WEBHOOK = {"default.webhook": {"webhookURL": "https://x", "headers": {"Authorization": CANARY}}}
NESTED: dict[str, dict[str, Any]] = {
    "headers": {"headers": {"x-my-key": CANARY}},
    "config": {"config": {"retry": {"attempts": 1}, "targets": [{"provider": "openai", "api_key": CANARY}]}},
    "targets": {
        "targets": {"gpt": {"provider": "openai", "api_key": CANARY, "custom_host": f"http://{CANARY}"}}
    },
    "guardrail": {"input_guardrails": [WEBHOOK]},
}
#: Every place of an engine that a key can stand in.
PLACES: dict[str, dict[str, Any]] = {
    "portkey_api_key": {"portkey_api_key": CANARY},
    "provider_api_key": {"provider": "openai", "provider_api_key": CANARY},
    "aws": {"aws_access_key_id": CANARY, "aws_secret_access_key": CANARY, "aws_session_token": CANARY},
    **NESTED,
    **{
        f"{place} as text": {name: json.dumps(value)}
        for place, options in NESTED.items()
        for name, value in options.items()
    },
}
FRAME = pd.DataFrame({"q": ["one", "two", "three"]})


def literal(value: Any) -> str:
    """Write a value as SQL does."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else json.dumps(value)


def create_engine(place: str, base_url: str, **further: Any) -> str:
    """Write CREATE ML_ENGINE with the key in a place."""
    options = {"base_url": base_url, **PLACES[place], **further}
    return f"CREATE ML_ENGINE e FROM portkey USING {', '.join(f'{n} = {literal(v)}' for n, v in options.items())};"


def assert_no_key(error: BaseException) -> None:
    """No frame of the error shows the key, and the frames of the package are there."""
    assert CANARY not in written_by_reporters(error)
    assert CANARY not in "".join(repr((one, one.args, vars(one))) for one in chain(error))
    assert frames_of_package(error)


@pytest.fixture
def asked(provider: OfflineProvider, tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Give a session with an engine that has the key in a place, and a model."""
    opened: list[Session] = []

    def open_one(place: str, path: Path | None = None, **using: Any) -> Session:
        session = Session(path, files=tmp_path)
        opened.append(session)
        session.sql(create_engine(place, provider.base_url, check=False))
        options = {
            "engine": "e",
            "column": "q",
            "max_attempts": 1,
            "concurrency": 1,
            "reuse": "never",
            **using,
        }
        written = ", ".join(f"{name} = {literal(value)}" for name, value in options.items())
        session.sql(f"CREATE MODEL m PREDICT answer USING {written}")
        session.register("t", FRAME)
        return session

    yield open_one
    for session in opened:
        session.close()


SELECT = "SELECT t.q, m.answer FROM t JOIN m"


# Errors that leave a session


@pytest.mark.parametrize("place", PLACES)
def test_a_gateway_that_cannot_be_reached(place: str) -> None:
    """The probe of CREATE ML_ENGINE fails, with the engine's options in many frames."""
    error = error_of(lambda: Session().sql(create_engine(place, "http://127.0.0.1:1/v1")))
    assert type(error) is ConnectError
    assert_no_key(error)


FAULTS = {
    "reset": Fault("reset"),
    "malformed": Fault("malformed"),
    "rejected": Fault(status=401, body={"error": {"message": f"Incorrect API key: {CANARY}."}}),
    "server": Fault(status=500, body={"error": {"message": f"crashed with Bearer {CANARY}"}}),
    "stall": Fault("stall"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["provider_api_key", "config", "targets as text"])
def test_a_query_that_fails_in_the_middle(
    place: str, fault: str, asked: Callable[..., Session], provider: OfflineProvider
) -> None:
    """The first row is answered, the second one fails in the network or at the provider."""
    session = asked(place, timeout=1)
    provider.behaviour.faults = lambda request: FAULTS[fault] if request.number > 1 else None
    error = error_of(lambda: session.sql(SELECT))
    assert type(error) is QueryError
    assert_no_key(error)


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt(place: str, asked: Callable[..., Session], provider: OfflineProvider) -> None:
    """Ctrl-C while a request is in flight; the error is Python's own, and goes through all frames."""
    session = asked(place)

    def interrupt(_: Any) -> None:
        _thread.interrupt_main()
        time.sleep(0.05)

    provider.behaviour.faults = interrupt
    # A shell lets programs in the background ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        error = error_of(lambda: session.sql(SELECT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert type(error) is KeyboardInterrupt
    assert_no_key(error)


#: Statements that fail, by what is wrong with them; `{key}` is the canary.
STATEMENTS: dict[str, tuple[type[PortkeyHandlerError], str]] = {
    "no comma": (
        StatementError,
        "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{key}' check = false",
    ),
    "no quote": (StatementError, "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = '{key}"),
    "no semicolon": (StatementError, "CREATE ML_ENGINE e FROM portkey USING api_key = '{key}'\nSELECT 1"),
    "in the second statement": (
        StatementError,
        "SELECT 1; CREATE ML_ENGINE e FRM portkey USING api_key = '{key}'",
    ),
    "not supported": (
        StatementError,
        'CREATE DATABASE d WITH ENGINE = \'openai\', PARAMETERS = {{"api_key": "{key}"}}',
    ),
    "an agent": (StatementError, "CREATE AGENT a USING api_key = '{key}'"),
    "an expression": (
        StatementError,
        "CREATE ML_ENGINE e FROM portkey USING portkey_api_key = concat('{key}', '')",
    ),
    "too deep": (StatementError, "SELECT " + "1 + " * 900 + "'{key}'"),
    "misspelt": (OptionError, "CREATE ML_ENGINE e FROM portkey USING portkey_apikey = '{key}'"),
    "as a name": (OptionError, "CREATE ML_ENGINE e FROM portkey USING `{key}` = 1"),
    "as an address": (OptionError, "CREATE ML_ENGINE e FROM portkey USING base_url = '{key}'"),
    "in an address": (OptionError, "CREATE ML_ENGINE e FROM portkey USING base_url = 'https://u:{key}@h/v1'"),
    "as a number": (OptionError, "CREATE ML_ENGINE e FROM portkey USING timeout = '{key}'"),
    "twice": (
        OptionError,
        "CREATE ML_ENGINE e FROM portkey USING api_key = '{key}', portkey_api_key = '{key}'",
    ),
    "no object": (OptionError, "CREATE ML_ENGINE e FROM portkey USING headers = '{key}'"),
    "broken JSON": (OptionError, 'CREATE ML_ENGINE e FROM portkey USING headers = \'{{"a": "{key}"\''),
    "a wrong target": (OptionError, 'CREATE ML_ENGINE e FROM portkey USING targets = {{"gpt": "{key}"}}'),
    "another handler": (NotFoundError, "CREATE ML_ENGINE e FROM openai USING api_key = '{key}'"),
    "a key and a wrong option": (
        OptionError,
        "CREATE ML_ENGINE e FROM portkey USING api_key = '{key}', timeout = 0",
    ),
    "in CREATE MODEL": (
        OptionError,
        "CREATE ML_ENGINE e FROM portkey USING check = false; "
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', api_key = '{key}'",
    ),
    "in SELECT": (
        OptionError,
        "CREATE ML_ENGINE e FROM portkey USING check = false; "
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q'; "
        "SELECT a FROM m WHERE q = 'x' USING api_key = '{key}', headers = {{\"a\": \"{key}\"}}",
    ),
    "a template": (
        TemplateError,
        "CREATE ML_ENGINE e FROM portkey USING check = false, api_key = '{key}'; "
        "CREATE MODEL m PREDICT a USING engine = 'e', prompt_template = '{{{{ q | nosuch }}}}'",
    ),
    "no table": (
        NotFoundError,
        "CREATE ML_ENGINE e FROM portkey USING check = false, api_key = '{key}'; "
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q'; SELECT * FROM nosuch JOIN m",
    ),
    "no such engine": (
        NotFoundError,
        "CREATE ML_ENGINE e FROM portkey USING check = false, api_key = '{key}'; "
        "CREATE MODEL m PREDICT a USING engine = 'f', column = 'q'",
    ),
}


@pytest.mark.parametrize("on_disk", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize("case", STATEMENTS)
def test_a_statement_that_fails(case: str, on_disk: bool, tmp_path: Path) -> None:
    """Neither the text nor what it was parsed to is in a frame."""
    with Session(tmp_path / "session" if on_disk else None, files=tmp_path) as session:
        error = error_of(lambda: session.sql(STATEMENTS[case][1].format(key=CANARY)))
    assert type(error) is STATEMENTS[case][0]
    assert_no_key(error)


@pytest.mark.parametrize("case", STATEMENTS)
def test_statements_one_by_one(case: str, tmp_path: Path) -> None:
    """`run` and `results` hold no more than `sql` does."""
    with Session(files=tmp_path) as session:
        for way in (session.run, session.results):
            error = error_of(lambda way=way: [*way(STATEMENTS[case][1].format(key=CANARY))])  # type: ignore[misc]
            assert isinstance(error, PortkeyHandlerError)
            assert_no_key(error)
            for name in ("MODEL m", "ML_ENGINE e"):
                session.sql(f"DROP {name.partition(' ')[0]} IF EXISTS {name.partition(' ')[2]}")


GIVEN: dict[str, Any] = {
    "a dict": ("CREATE ML_ENGINE e FROM portkey USING api_key = $key, timeout = 0", {"key": CANARY}),
    "a list": ("CREATE ML_ENGINE e FROM portkey USING api_key = ?, base_url = ?", [CANARY, "nowhere"]),
    "one too many": ("CREATE ML_ENGINE e FROM portkey USING api_key = ?", [CANARY, CANARY]),
    "a wrong name": ("CREATE ML_ENGINE e FROM portkey USING api_key = $kei", {"key": CANARY}),
    "a wrong type": ("CREATE ML_ENGINE e FROM portkey USING api_key = ?", [CANARY.encode()]),
    "a wrong place": ("CREATE ML_ENGINE $key FROM portkey", {"key": CANARY}),
    "no parameters": ("CREATE ML_ENGINE e FROM portkey", CANARY),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_key_as_a_parameter(case: str) -> None:
    """The way in which a program hands a key over."""
    error = error_of(lambda: Session().sql(*GIVEN[case]))
    assert isinstance(error, PortkeyHandlerError)
    assert_no_key(error)


def test_what_rich_writes(tmp_path: Path) -> None:
    """It goes into objects, and cuts long texts before it takes their repr."""
    with Session(files=tmp_path) as session:
        for case in ("no comma", "in the second statement", "not supported", "misspelt", "a template"):
            written = written_by_rich(
                error_of(lambda case=case: session.sql(STATEMENTS[case][1].format(key=CANARY)))
            )  # type: ignore[misc]
            assert "─ locals ─" in written
            assert CANARY not in written


class Broken:
    """A handler with a fault of its own, at a place in a class's attribute."""

    at = ""

    def __init__(self, model_storage: Any = None, engine_storage: Any = None) -> None:
        self.options = {} if engine_storage is None else engine_storage.get_connection_args()

    def create_engine(self, connection_args: Any) -> None:
        """Fail, or do nothing."""
        written = [*connection_args.values()]
        raise ZeroDivisionError(len(written))

    def close(self) -> None:
        """Do nothing."""


def test_a_fault_of_a_program(tmp_path: Path) -> None:
    """A foreign error, which nobody translates, takes no variables along, also those of frames below ours."""

    class Tested(Session):
        _handler_class = staticmethod(lambda: Broken)

    error = error_of(lambda: Tested(files=tmp_path).sql(create_engine("config", "http://x/v1")))
    assert type(error) is ZeroDivisionError
    assert_no_key(error)
    assert [frame.f_locals for frame in frames_of_package(error)][-1] == {}


def test_the_error_that_a_program_handles_keeps_its_variables() -> None:
    """The context of our error is the program's own error, whose frames are not emptied."""

    def fail() -> None:
        kept = "a variable of the program"
        raise LookupError(len(kept))

    def handle() -> None:
        try:
            fail()
        except LookupError:
            Session().sql("SELECT")

    error = error_of(handle)
    assert type(error.__context__) is LookupError
    assert "a variable of the program" in written_by_reporters(error.__context__)


# A catalog on disk


def test_a_catalog_of_a_newer_release(tmp_path: Path, asked: Callable[..., Session]) -> None:
    """The whole file has been read when it is refused."""
    asked("headers", tmp_path / "s")
    path = tmp_path / "s" / "catalog.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    error = error_of(lambda: Session(tmp_path / "s").sql("SHOW ML_ENGINES"))
    assert type(error) is NewerFileError
    assert_no_key(error)


@pytest.mark.parametrize("content", ['{{"format": 1, "engines": {{"e": "{key}"}}}}', "{{{key}", "[{key!r}]"])
def test_a_damaged_catalog(content: str, tmp_path: Path) -> None:
    """JSON's error has the document, and ours has no link to it."""
    (tmp_path / "catalog.json").write_text(content.format(key=CANARY))
    tmp_path.chmod(0o700)
    error = error_of(lambda: Session(tmp_path).sql("SHOW ML_ENGINES"))
    assert isinstance(error, PortkeyHandlerError)
    assert_no_key(error)


def test_a_catalog_that_cannot_be_written(tmp_path: Path, asked: Callable[..., Session]) -> None:
    """The new content is in the frames that write it."""
    session = asked("config", tmp_path / "s")
    for path in (tmp_path / "s").iterdir():
        path.unlink()
    (tmp_path / "s" / "catalog.json").mkdir()
    error = error_of(lambda: session.sql(create_engine("targets", "http://x/v1", check=False)))
    assert isinstance(error, Exception)
    assert_no_key(error)


def test_a_catalog_stays_what_it_was(tmp_path: Path, asked: Callable[..., Session]) -> None:
    """In the file the options are plain JSON, as every release writes and reads them."""
    asked("guardrail", tmp_path / "s")
    engine = json.loads((tmp_path / "s" / "catalog.json").read_text())["engines"]["e"]
    assert engine["options"]["input_guardrails"] == [WEBHOOK]
    shown = Session(tmp_path / "s").sql("SHOW ML_ENGINES")["CONNECTION_DATA"][0]
    assert shown == {"base_url": engine["options"]["base_url"], "input_guardrails": "******", "check": False}


# The handler in MindsDB, and `ask`


def handler_of(place: str, base_url: str = "http://127.0.0.1:1/v1") -> PortkeyHandler:
    """Give a handler whose host hands the engine's options over in plain texts."""
    return PortkeyHandler(ModelStorage(), EngineStorage({"base_url": base_url, **PLACES[place]}))


@pytest.mark.parametrize("place", PLACES)
def test_the_hooks_of_the_handler(place: str) -> None:
    """The host's own frames hold what they hold; ours hold no key."""
    handler = handler_of(place)
    options = SimpleNamespace(get=lambda: {"base_url": "http://127.0.0.1:1/v1", **PLACES[place]})
    handler.create("answer", args={"using": {"column": "q", "max_attempts": 1}})
    errors = [
        error_of(lambda: handler.create_engine(options.get())),
        error_of(lambda: handler.create_engine({**options.get(), "nosuch": 1})),
        error_of(lambda: handler.create("answer", args={"using": {**options.get(), "column": "q"}})),
        error_of(lambda: handler.create("answer", args={"using": {"prompt_template": "{{ a | nosuch }}"}})),
        error_of(lambda: handler.predict(FRAME)),
        error_of(lambda: handler.predict(FRAME, {"using": options.get()})),
        error_of(lambda: handler.predict(pd.DataFrame({"other": ["a"]}))),
        error_of(lambda: handler.describe("nosuch")),
        error_of(
            lambda: PortkeyHandler.create_validation(
                "a", {"using": {"timeout": -1}}, EngineStorage(options.get())
            )
        ),
    ]
    for error in errors:
        assert isinstance(error, PortkeyHandlerError)
        assert_no_key(error)


@pytest.mark.parametrize("place", PLACES)
def test_ask(place: str) -> None:
    """The options of the engine are an argument, which its frames let go."""
    engine = SimpleNamespace(get=lambda: {"base_url": "http://127.0.0.1:1/v1", **PLACES[place]})
    ask = portkey_handler.ask
    errors = [
        error_of(lambda: ask(FRAME, model="m", column="q", engine=engine.get(), max_attempts=1)),
        error_of(lambda: ask(FRAME, model="m", column="nosuch", engine=engine.get())),
        error_of(lambda: ask(FRAME, model="m", column="q", engine={**engine.get(), "timeout": -1})),
        error_of(lambda: ask(FRAME, model="m", column="q", **engine.get())),
        error_of(lambda: ask(5, model="m", engine=engine.get())),
    ]
    for error in errors:
        assert isinstance(error, (PortkeyHandlerError, TypeError))
        assert_no_key(error)


def test_resolving_by_hand() -> None:
    """`resolve` is public: its frames hold neither the engine's options nor the environment."""
    given = SimpleNamespace(get=lambda: {"portkey_api_key": CANARY})
    environment = SimpleNamespace(get=lambda: {"PORTKEY_API_KEY": CANARY, "PASSWORD": CANARY})
    errors = [
        error_of(lambda: resolve_engine({**given.get(), "timeout": -1}, environment.get())),
        error_of(lambda: resolve(target="\x1b", engine=given.get(), model={}, environment=environment.get())),
        error_of(lambda: resolve(target="a", engine={}, model=given.get(), environment=environment.get())),
    ]
    for error in errors:
        assert type(error) is OptionError
        assert_no_key(error)


def test_a_config_that_is_too_large() -> None:
    """It is refused where the header would be made."""
    engine = EngineConfig({"config": {"pad": [CANARY] * 2000}})
    plan = resolve(target="a", engine={}, model={"column": "q"}, environment={}).plan
    error = error_of(lambda: GatewayConfig.resolve(engine, plan))
    assert type(error) is OptionError
    assert_no_key(error)


# Queries that run


@pytest.mark.parametrize("place", PLACES)
def test_a_query_that_runs(place: str, asked: Callable[..., Session], provider: OfflineProvider) -> None:
    """A program that reports log records with the stack writes what is in the running frames, aiohttp's too."""
    session = asked(place)
    seen: list[str] = []
    provider.behaviour.faults = lambda _: seen.extend(running())
    session.sql(SELECT)
    assert len(provider.requests) == 3
    assert CANARY in repr(provider.requests[0].headers)
    assert "_request: headers = <CIMultiDict(" in "\n".join(seen)
    assert [line for line in seen if CANARY in line] == []


@pytest.mark.parametrize("place", PLACES)
def test_an_engine_that_is_being_made(place: str, provider: OfflineProvider) -> None:
    """While the gateway is tried, the statement has been parsed and its options are in many frames."""
    seen: list[str] = []
    provider.behaviour.faults = lambda _: seen.extend(running())
    Session().sql(create_engine(place, provider.base_url))
    assert "create_engine: options = {" in "\n".join(seen)
    assert [line for line in seen if CANARY in line] == []


def test_the_key_of_the_environment(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not in running frames, nor in those of an error."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PORTKEY_API_KEY", CANARY)
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    seen: list[str] = []

    def fail(request: Any) -> Fault:
        seen.extend(running())
        return Fault(status=500, body={"error": {"message": CANARY}})

    provider.behaviour.faults = fail
    error = error_of(lambda: portkey_handler.ask(FRAME, model="m", column="q", max_attempts=1))
    assert type(error) is QueryError
    assert CANARY in repr(provider.requests[0].headers)
    assert [line for line in seen if CANARY in line] == []
    assert_no_key(error)
    assert CANARY not in caplog.text
