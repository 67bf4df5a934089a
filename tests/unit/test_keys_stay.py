"""A key planted in the engine is searched for wherever somebody could see it, or it could be sent."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.storage import make_handler
from support.ways import ways

from portkey_handler.errors import OptionError, PortkeyHandlerError
from portkey_handler.execution.event_loop import run_sync
from portkey_handler.gateway.client import Gateway
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.handler import PortkeyHandler
from portkey_handler.options import OPTIONS, EngineConfig, resolve, resolve_engine
from portkey_handler.predictor import Predictor
from portkey_handler.records import Request

CANARY = "sk-canary-0123456789"
FRAME = pd.DataFrame({"question": ["Where is Stockholm?", "Where is Oslo?"]})
ASK = {"column": "question", "max_attempts": 1}


@pytest.fixture
def elsewhere() -> Iterator[OfflineProvider]:
    """Give a second server, which nobody is to call."""
    with OfflineProvider() as other:
        yield other


def full_text(error: BaseException) -> str:
    """Write an error as a host does, and all that hangs on it: causes, contexts, attributes."""
    seen: list[str] = []
    node: BaseException | None = error
    while node is not None:
        seen += traceback.format_exception(type(node), node, node.__traceback__)
        seen += [repr(node), str(node), repr(node.args), repr(vars(node))]
        node = node.__cause__ or node.__context__
    return "".join(seen)


def webhook(key: str) -> dict[str, Any]:
    """Return a guardrail that calls an address with a key in a header."""
    return {"default.webhook": {"webhookURL": "https://x", "headers": {"Authorization": f"Bearer {key}"}}}


# Every place of the engine that a key can stand in. The values need not make sense to a gateway.
PLACES: dict[str, dict[str, Any]] = {
    "portkey_api_key": {"portkey_api_key": CANARY},
    "provider_api_key": {"provider": "openai", "provider_api_key": CANARY},
    "provider_api_key with Bearer": {"provider": "openai", "provider_api_key": f"Bearer {CANARY}"},
    "headers": {"headers": {"x-my-gateway-key": CANARY}},
    "headers as text": {"headers": json.dumps({"Authorization": f"Basic {CANARY}"})},
    "config": {"config": {"strategy": {"mode": "fallback"}, "targets": [{"api_key": CANARY}]}},
    "config as text": {"config": f'{{\n "targets": [{{"api_key":\n "{CANARY}"}}]}}'},
    "targets": {"targets": {"gpt": {"provider": "openai", "api_key": CANARY}}},
    "targets as text": {"targets": json.dumps({"gpt": {"provider": "openai", "api_key": CANARY}})},
    "targets as a list": {"llms": [{"provider": "openai", "api_key": CANARY, "model": "m"}]},
    "a webhook's header": {"input_guardrails": [webhook(CANARY)], "output_guardrails": [webhook(CANARY)]},
    "a webhook as text": {"input_guardrails": json.dumps([webhook(CANARY)])},
    "aws": {"aws_access_key_id": CANARY, "aws_secret_access_key": CANARY, "aws_session_token": CANARY},
}
WRONG_PLACES: dict[str, dict[str, Any]] = {
    "misspelt": {"portkey_api_keyy": CANARY},
    "misspelt and nested": {"header": {"a": [CANARY]}},
    "unknown": {"secret": CANARY},
    "twice": {"api_key": CANARY, "portkey_api_key": CANARY},
    "line break": {"portkey_api_key": f"{CANARY}\n"[:-1] + "\r\nx: y"},
    "no text": {"portkey_api_key": [CANARY]},
    "headers that are none": {"headers": CANARY},
    "headers that are no texts": {"headers": {"a": [CANARY]}},
    "broken JSON": {"headers": f'{{"a": "{CANARY}"'},
    "broken config": {"config": f'{{"a": "{CANARY}"'},
    "broken parameters": {"parameters": f'{{"api_key": "{CANARY}"'},
    "a line break in headers": {"headers": {"a": f"{CANARY}\n"}},
    "user of base_url": {"base_url": f"http://{CANARY}@127.0.0.1/v1"},
    "password of base_url": {"base_url": f"http://user:{CANARY}@127.0.0.1/v1"},
    "password of custom_host": {"custom_host": f"http://user:{CANARY}@127.0.0.1/v1"},
    "query of custom_host": {"custom_host": f"http://127.0.0.1/v1?key={CANARY}"},
    "list": {"forward_headers": {"a": CANARY}},
    "a target that is none": {"targets": {"gpt": CANARY}},
    "a strategy": {"strategy": {"mode": "fallback", "api_key": CANARY}},
    "a retry": {"retry": {"attempts": 1, "api_key": CANARY}},
    "guardrails": {"input_guardrails": {"api_key": CANARY}},
}


def sends(provider: OfflineProvider, place: str) -> dict[str, Any]:
    """Give an engine that has the key in a place and goes to the stand-in."""
    return {"base_url": provider.base_url, **PLACES[place]}


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Log at DEBUG whatever anybody logs, arguments of records too."""
    with caplog.at_level(logging.DEBUG):
        for name in ("portkey_handler", "aiohttp", "asyncio", "portkey_ai", "httpx"):
            caplog.set_level(logging.DEBUG, name)
        yield lambda: caplog.text + "".join(repr(vars(record)) for record in caplog.records)


# Seen nowhere


@pytest.mark.parametrize("place", PLACES)
def test_an_engine_that_works_shows_its_key_nowhere(
    place: str, provider: OfflineProvider, everything_logged: Callable[[], str]
) -> None:
    """Not in logs, DESCRIBE, repr, the pickled plan, the frame, the stored model or a request's body."""
    engine = sends(provider, place)
    handler = make_handler(engine, ASK)
    handler.create_engine(engine)
    frame = handler.predict(FRAME, {"using": {"evidence": True}})
    resolved = resolve(target="answer", engine=engine, model=ASK, environment={})
    shown = [
        everything_logged(),
        repr(handler),
        repr(resolved),
        repr(Predictor(resolved.plan)),
        repr(resolved.credentials),
        repr(gateway := GatewayConfig.resolve(resolved.credentials, resolved.plan)),
        repr(Gateway(gateway)),
        repr(pickle.dumps(resolved.plan)),
        frame.to_json(),
        repr(handler.model_storage.records),
        *(handler.describe(table).to_csv() for table in (None, "args", "engine")),
        *(repr((request.path, request.body)) for request in provider.requests),
    ]
    assert CANARY not in "".join(shown)
    probe, *asked = provider.requests
    assert len(asked) == 2
    assert all(CANARY in repr(request.headers) for request in asked)
    # Targets are chosen below the engine, and a probe has no text for a guardrail: it carries neither.
    assert (CANARY in repr(probe.headers)) is not place.startswith(("targets", "a webhook"))


FAULTS: dict[str, Fault] = {
    "key rejected": Fault(status=401, body={"error": {"message": f"Incorrect API key: {CANARY}."}}),
    "key at the cut": Fault(status=400, body={"error": {"message": "x" * 290 + f" {CANARY}"}}),
    "key as code": Fault(status=400, body={"error": {"message": f"no {CANARY}", "code": CANARY}}),
    "rate limit": Fault(status=429, headers={"Retry-After": "9999"}, body=f"slow down, {CANARY}"),
    "server fault": Fault(status=500, body={"message": f"crashed at Bearer {CANARY}"}),
    "reset": Fault("reset"),
    "malformed": Fault("malformed"),
    "stall": Fault("stall"),
    "stall_body": Fault("stall_body"),
    "redirect": Fault(status=307, headers={"Location": "http://127.0.0.1:1/v1"}),
    "not a chat": Fault(status=200, body={"choices": [{"message": CANARY}]}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["portkey_api_key", "provider_api_key with Bearer", "headers", "config"])
def test_an_engine_that_fails_shows_its_key_nowhere(
    place: str, fault: str, provider: OfflineProvider, everything_logged: Callable[[], str]
) -> None:
    """Not in the error, its traceback, causes, attributes or pickle, though the provider repeats it."""
    provider.behaviour.faults = lambda _: FAULTS[fault]
    handler = make_handler(sends(provider, place), ASK)
    with pytest.raises(PortkeyHandlerError) as caught:
        handler.predict(FRAME, {"using": {"timeout": 0.3}})
    told = full_text(caught.value) + repr(pickle.dumps(caught.value)) + everything_logged()
    assert CANARY not in told
    assert CANARY[:9] not in told


@pytest.mark.parametrize("fault", ["key rejected", "reset", "stall", "server fault"])
def test_errors_of_sending_lead_back_to_nothing(fault: str, provider: OfflineProvider) -> None:
    """The HTTP library's errors hold the request's headers: ours have no cause and no context."""
    provider.behaviour.faults = lambda _: FAULTS[fault]
    credentials = EngineConfig({"base_url": provider.base_url, "portkey_api_key": CANARY})
    request = Request("/chat/completions", b"{}")

    async def send() -> None:
        async with Gateway(GatewayConfig.of_engine(credentials, 0.3)) as gateway:
            await gateway.send(request)

    with pytest.raises(PortkeyHandlerError) as caught:
        run_sync(send())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert CANARY not in full_text(caught.value)


@pytest.mark.parametrize("place", ["portkey_api_key", "provider_api_key", "headers", "config"])
@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/v1", "http://nonexistent.invalid/v1", "https://127.0.0.1:{port}/v1"]
)
def test_an_engine_that_cannot_be_reached_shows_its_key_nowhere(
    place: str, address: str, provider: OfflineProvider, everything_logged: Callable[[], str]
) -> None:
    """Refused, unknown and no TLS there: the message names the address and nothing else."""
    base_url = address.format(port=provider.port)
    with pytest.raises(PortkeyHandlerError) as caught:
        make_handler().create_engine({**PLACES[place], "base_url": base_url})
    assert base_url in str(caught.value)
    assert CANARY not in full_text(caught.value) + everything_logged()


@pytest.mark.parametrize("place", [*WRONG_PLACES])
def test_a_wrong_engine_shows_its_key_nowhere(place: str, everything_logged: Callable[[], str]) -> None:
    """A key in a place where none belongs, or under a name that is none, is still a key."""
    with pytest.raises(OptionError) as caught:
        resolve_engine(WRONG_PLACES[place], {})
    assert CANARY not in full_text(caught.value) + everything_logged()


@pytest.mark.parametrize("place", [*PLACES, *WRONG_PLACES])
def test_a_key_given_below_the_engine_is_refused_and_not_shown(place: str) -> None:
    """CREATE MODEL's errors are stored in the model's record and shown to everybody."""
    given = {**PLACES, **WRONG_PLACES}[place]
    for level in ("model", "query"):
        levels: dict[str, Any] = {"model": {}, "query": {}, level: given}
        with pytest.raises(OptionError) as caught:
            resolve(target="answer", engine={}, environment={}, **levels)
        assert CANARY not in full_text(caught.value)


def test_a_key_of_the_environment_is_shown_nowhere(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, everything_logged: Callable[[], str]
) -> None:
    """The environment's key is as secret as the engine's."""
    monkeypatch.setenv("PORTKEY_API_KEY", CANARY)
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.portkey_key = "another"
    handler = make_handler({}, ASK)
    with pytest.raises(PortkeyHandlerError, match="the query was stopped") as caught:
        handler.predict(FRAME)
    told = full_text(caught.value) + everything_logged() + handler.describe("args").to_csv()
    assert CANARY not in told
    assert "******,environment" in told


def test_every_secret_option_is_tried_here() -> None:
    """A new secret option has to be planted above."""
    planted = {name for place in PLACES.values() for name in place}
    assert {name for name, entry in OPTIONS.items() if entry.secret} <= planted


# Sent nowhere else: what a person who may write CREATE MODEL and SELECT, but not CREATE ML_ENGINE, can try

SECRETS = {"portkey_api_key": CANARY, "provider": "openai", "provider_api_key": CANARY}
TARGETS = {"targets": {"gpt": {"provider": "openai", "api_key": CANARY}}}


def test_the_name_of_an_unknown_target_is_not_shown(provider: OfflineProvider) -> None:
    """It may be a key in the wrong place."""
    handler = make_handler({"base_url": provider.base_url, **SECRETS})
    with pytest.raises(OptionError, match="which has none") as caught:
        PortkeyHandler.create_validation("a", {"using": {"targets": [CANARY]}}, handler.engine_storage)
    assert CANARY not in full_text(caught.value)


@pytest.mark.parametrize("level", ["model", "query"])
@pytest.mark.parametrize("way", ways(""))
def test_no_option_below_the_engine_carries_its_keys_away(
    way: str, level: str, provider: OfflineProvider, elsewhere: OfflineProvider
) -> None:
    """Each way is refused before anything is sent; the other server hears nothing."""
    given = ways(elsewhere.url)[way]
    engine = {"base_url": provider.base_url, **SECRETS, **TARGETS}
    with pytest.raises(OptionError):
        make_handler(engine, {**ASK, **(given if level == "model" else {})}).predict(
            FRAME, {"using": given if level == "query" else {}}
        )
    assert provider.requests == []
    assert elsewhere.requests == []
    if level == "model":
        with pytest.raises(OptionError):
            PortkeyHandler.create_validation(
                "answer", {"using": {**ASK, **given}}, make_handler(engine).engine_storage
            )


#: Paths that would lead a key to another host, or to where somebody could make it go there.
PATHS = {
    "up": "/../v2",
    "up and down": "/rerank/../configs",
    "here": "/./configs",
    "encoded": "/%2e%2e/configs",
    "the administration": "/configs",
    "the vault": "/virtual-keys",
    "a host": "//{host}/v1",
    "a user of a host": "@{host}/v1",
    "an address": "{there}",
    "a query": "/rerank?x={there}",
    "a fragment": "/rerank#x",
    "a line break": "/rerank\r\nx-portkey-custom-host: {there}",
    "a backslash": "\\\\{host}\\v1",
    "nothing": "",
}


@pytest.mark.parametrize("level", ["model", "query"])
@pytest.mark.parametrize("way", PATHS)
def test_no_path_leads_a_key_away(
    way: str, level: str, provider: OfflineProvider, elsewhere: OfflineProvider
) -> None:
    """Below the engine, only paths of models can be asked; a model's name of a saved prompt is no path."""
    host = elsewhere.url.removeprefix("http://")
    path = PATHS[way].format(host=host, there=elsewhere.url)
    engine = {"base_url": provider.base_url, **SECRETS}
    body = {"query": "{{ question }}"}
    for harmless, given in (
        ({"mode": "request", "body": body, "path": "/rerank"}, {"path": path}),
        ({"mode": "prompt", "prompt_id": "pp-1"}, {"prompt_id": path or "/"}),
    ):
        with pytest.raises(OptionError, match=next(iter(given))):
            make_handler(engine, {**harmless, **(given if level == "model" else {})}).predict(
                FRAME, {"using": given if level == "query" else {}}
            )
    assert provider.requests == elsewhere.requests == []


def test_only_the_engine_allows_further_paths(provider: OfflineProvider) -> None:
    """Who may write CREATE MODEL cannot allow himself a path of the gateway's administration."""
    engine = {"base_url": provider.base_url, **SECRETS}
    asked = {"mode": "request", "path": "/configs", "body": {"a": "{{ question }}"}}
    with pytest.raises(OptionError, match="allowed_paths cannot be given in CREATE MODEL"):
        make_handler(engine, {**asked, "allowed_paths": ["/configs"]})
    handler = make_handler({**engine, "allowed_paths": ["/configs"]}, asked)
    with pytest.raises(PortkeyHandlerError, match="404"):
        handler.predict(FRAME)
    assert {request.path for request in provider.requests} == {"/v1/configs"}


@pytest.mark.parametrize(
    "body",
    [
        {"config": {"custom_host": "{there}"}},
        {"headers": {"x-portkey-custom-host": "{there}"}},
        {"extra_headers": {"x-portkey-custom-host": "{there}"}},
        {"base_url": "{there}", "custom_host": "{there}", "api_base": "{there}"},
        {"input_guardrails": [{"default.webhook": {"webhookURL": "{there}"}}]},
    ],
)
def test_parameters_reach_the_body_and_nothing_else(
    body: dict[str, Any], provider: OfflineProvider, elsewhere: OfflineProvider
) -> None:
    """What is in `parameters` is no option of the gateway: address and headers stay the same."""
    engine = {"base_url": provider.base_url, **SECRETS}
    given = json.loads(json.dumps(body).replace("{there}", elsewhere.url))
    handler = make_handler(engine, ASK)
    handler.predict(FRAME[:1])
    handler.predict(FRAME[:1], {"using": {"parameters": given}})
    plain, tried = provider.requests
    ours = ("content-length", "x-portkey-span-id", "x-portkey-trace-id")
    assert tried.headers == {**plain.headers, **{name: tried.headers[name] for name in ours}}
    assert tried.body == {**plain.body, **given}
    assert CANARY not in repr(tried.body)
    assert elsewhere.requests == []


def test_metadata_stays_one_header(provider: OfflineProvider, elsewhere: OfflineProvider) -> None:
    """A line break in a value of metadata goes out as JSON writes it, not as the start of a header."""
    handler = make_handler({"base_url": provider.base_url, **SECRETS}, ASK)
    smuggled = {"_user": f"me\r\nx-portkey-custom-host: {elsewhere.url}", "é": "ü"}
    handler.predict(FRAME[:1], {"using": {"metadata": smuggled}})
    (request,) = provider.requests
    assert "x-portkey-custom-host" not in request.headers
    sent = json.loads(request.headers["x-portkey-metadata"])
    assert {name: text for name, text in sent.items() if name in smuggled} == smuggled


def test_what_may_be_given_below_goes_to_the_same_place(provider: OfflineProvider) -> None:
    """The names and numbers of the allow-list become the headers that the SDK makes of them."""
    given = {
        "virtual_key": "vault-name",
        "config": "pc-slug",
        "trace_id": "t",
        "cache_namespace": "c",
        "cache_force_refresh": True,
        "request_timeout": 500,
    }
    make_handler({"base_url": provider.base_url, **SECRETS}, ASK).predict(FRAME[:1], {"using": given})
    headers = provider.requests[0].headers
    sent = {name: headers[f"x-portkey-{name.replace('_', '-')}"] for name in given}
    assert sent == {**given, "cache_force_refresh": "true", "request_timeout": "500"}
    assert headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    "engine", [{}, {"portkey_api_key": CANARY}, {"custom_host": "http://127.0.0.1:9/v1"}]
)
def test_a_provider_below_is_fine_where_there_is_no_providers_key(
    engine: dict[str, Any], provider: OfflineProvider
) -> None:
    """Nothing can go to the wrong provider then; Portkey's own key goes to the gateway alone."""
    handler = make_handler({"base_url": provider.base_url, **engine}, {**ASK, "provider": "@groq-prod"})
    handler.predict(FRAME[:1])
    assert provider.requests[0].headers["x-portkey-provider"] == "@groq-prod"


@pytest.mark.parametrize(
    "place", sorted(set(PLACES) - {"portkey_api_key", "a webhook's header", "a webhook as text"})
)
def test_a_provider_below_is_refused_beside_any_providers_key(place: str, provider: OfflineProvider) -> None:
    """Any of an engine's keys could be the provider's, but for the gateway's own and those of webhooks."""
    engine = {name: value for name, value in sends(provider, place).items() if name != "provider"}
    with pytest.raises(OptionError, match="the engine holds a provider's key"):
        make_handler(engine, {**ASK, "provider": "groq"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, provider: OfflineProvider, elsewhere: OfflineProvider
) -> None:
    """The keys would go along: the row fails and says why."""
    provider.behaviour.faults = lambda _: Fault(
        status=status, headers={"Location": f"{elsewhere.base_url}/chat/completions"}, body=""
    )
    engine = {"base_url": provider.base_url, **SECRETS}
    with pytest.raises(PortkeyHandlerError, match=f"{status}.*redirects are not followed, because the keys"):
        make_handler(engine, ASK).predict(FRAME[:1])
    make_handler().create_engine(engine)
    assert elsewhere.requests == []
    assert len(provider.requests) == 2


def test_the_environments_key_is_not_sent_to_an_engines_address(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes CREATE ML_ENGINE cannot fetch the key of the one who runs the server."""
    monkeypatch.setenv("PORTKEY_API_KEY", CANARY)
    monkeypatch.setenv("PORTKEY_PROVIDER_API_KEY", CANARY)
    provider.behaviour.portkey_key = CANARY
    with pytest.raises(PortkeyHandlerError) as caught:
        make_handler({"base_url": provider.base_url}, ASK).predict(FRAME[:1])
    assert "portkey_api_key, provider_api_key of the environment was not sent" in str(caught.value)
    with pytest.raises(PortkeyHandlerError):
        make_handler().create_engine({"base_url": provider.base_url})
    assert len(provider.requests) == 2
    assert CANARY not in repr(provider.requests)


def test_a_netrc_does_not_replace_the_key(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .netrc that knows the host changes nothing, with a key of the provider or without."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password from-netrc\ndefault login me password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    make_handler({"base_url": provider.base_url, **SECRETS}, ASK).predict(FRAME[:1])
    make_handler({"base_url": provider.base_url}, ASK).predict(FRAME[:1])
    assert provider.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "authorization" not in provider.requests[1].headers


def test_cookies_of_the_gateway_are_not_kept(provider: OfflineProvider) -> None:
    """A reply cannot make later requests carry something."""
    answer = {"choices": [{"message": {"content": "hi"}}]}
    provider.behaviour.faults = lambda _: Fault(status=200, headers={"Set-Cookie": "a=b"}, body=answer)
    make_handler({"base_url": provider.base_url}, {**ASK, "concurrency": 1}).predict(FRAME)
    assert ["cookie" in request.headers for request in provider.requests] == [False, False]


def test_a_template_cannot_reach_the_keys(provider: OfflineProvider) -> None:
    """Nothing but columns can be put into a prompt."""
    engine: Mapping[str, Any] = {"base_url": provider.base_url, **SECRETS}
    for template in (
        "{{ portkey_api_key }}",
        "{{ self }}",
        "{{ row.__class__ }}",
        "{{ engine.portkey_api_key }}",
    ):
        with pytest.raises(PortkeyHandlerError):
            make_handler(engine, {"prompt_template": template}).predict(FRAME)
    assert provider.requests == []
