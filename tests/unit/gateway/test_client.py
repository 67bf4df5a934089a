"""The door to the gateway: what goes out, and what each thing that goes wrong becomes."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import inspect
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import orjson
import portkey_ai
import pytest
from support.gateway import free_port
from support.proxy import Proxy
from support.storage import make_handler

from portkey_handler import errors
from portkey_handler.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConnectError,
    ConnectionLostError,
    GatewayError,
    InvalidResponseError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StatusError,
    UnknownHostError,
    UnsupportedError,
)
from portkey_handler.execution.event_loop import run_sync
from portkey_handler.gateway.client import Gateway, check_engine
from portkey_handler.gateway.config import HOSTED, LOCAL, GatewayConfig, address
from portkey_handler.gateway.offline import Behaviour, Fault, OfflineProvider
from portkey_handler.options import OPTIONS, EngineConfig, resolve
from portkey_handler.records import Request, Response

BODY = {"model": "claude-2.1", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's proxies out."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Give a running proxy."""
    with Proxy() as running:
        yield running


def gateway_config(
    options: Mapping[str, Any], timeout: float = 5, routing: Mapping[str, Any] | None = None
) -> GatewayConfig:
    """Resolve an engine's options, and gateway options below them."""
    model = {"model": "m", "timeout": timeout, **(routing or {})}
    resolved = resolve(target="a", engine=options, model=model, environment={})
    return GatewayConfig.resolve(resolved.credentials, resolved.plan)


def send(
    options: Mapping[str, Any], timeout: float = 5, body: Any = None, routing: Mapping[str, Any] | None = None
) -> Response:
    """Send one chat request through the door."""

    async def sending() -> Response:
        async with Gateway(gateway_config(options, timeout, routing)) as gateway:
            return await gateway.send(Request("/chat/completions", orjson.dumps(body or BODY)))

    return run_sync(sending())


def failure(options: Mapping[str, Any], timeout: float = 5, body: Any = None) -> GatewayError:
    """Give the error that sending ends in."""
    with pytest.raises(GatewayError) as caught:
        send(options, timeout, body)
    return caught.value


def fault(provider: OfflineProvider, fault: Fault, **body: Any) -> GatewayError:
    """Give the error that a fault of the provider becomes."""
    provider.behaviour.faults = lambda _: fault
    return failure({"base_url": provider.base_url}, 0.5, {**BODY, **body})


# The same as the SDK's client

#: Headers of the SDK's client that we don't send, and why that changes nothing.
EXEMPT = {
    "accept": "the SDK says application/json where we say anything; the gateway sends JSON to both",
    "accept-encoding": "what each transport can decompress",
    "connection": "of the transport",
    "content-length": "of the transport; the JSON is compared",
    "host": "of the transport; compared by who received it",
    "user-agent": "the SDK's is that of the client vendored in it",
    "x-portkey-package-version": "says which SDK made the request, and none did",
    "x-portkey-runtime": "as before",
    "x-portkey-runtime-version": "as before",
}
EXEMPT_PREFIX = "x-stainless-"  # statistics of the vendored client

OPTION_SETS: dict[str, dict[str, Any]] = {
    "hosted": {"portkey_api_key": "pk", "virtual_key": "v"},
    "own gateway": {"provider": "openai", "provider_api_key": "sk", "custom_host": "http://127.0.0.1:9/v1"},
    "bearer": {"portkey_api_key": "pk", "provider": "openai", "provider_api_key": "Bearer sk"},
    "slug": {"portkey_api_key": "pk", "config": "pc-slug"},
    "config": {"portkey_api_key": "pk", "config": {"retry": {"attempts": 2}, "é": "ü"}},
    "logging": {
        "portkey_api_key": "pk",
        "trace_id": "t",
        "metadata": {"_user": "é"},
        "cache_namespace": "c",
        "cache_force_refresh": True,
        "request_timeout": 500,
        "strict_open_ai_compliance": True,
        "forward_headers": ["x_one", "x-two"],
    },
    "false": {"portkey_api_key": "pk", "cache_force_refresh": False, "strict_open_ai_compliance": False},
    "clouds": {
        "portkey_api_key": "pk",
        **{
            name: f"a-{name}"
            for name, entry in OPTIONS.items()
            if name.startswith(
                ("aws_", "azure_", "vertex_", "openai_", "anthropic_", "fireworks_", "workers_")
            )
            and entry.kind == "text"
            and not name.endswith("_url")
        },
    },
    "addresses": {
        "portkey_api_key": "pk",
        "azure_foundry_url": "https://a.example/v1",
        "huggingface_base_url": "https://b.example/v1",
    },
}
OUR_NAMES = {"portkey_api_key": "api_key", "provider_api_key": "Authorization"}


def compared(headers: Mapping[str, str]) -> dict[str, str]:
    """Leave out the exempted headers."""
    return {
        name: text
        for name, text in headers.items()
        if name not in EXEMPT and not name.startswith(EXEMPT_PREFIX)
    }


@pytest.mark.parametrize("options", OPTION_SETS)
def test_the_request_is_the_sdks(options: str, provider: OfflineProvider) -> None:
    """Method, path, headers and body equal those of the SDK's client with the same arguments."""
    arguments = {OUR_NAMES.get(name, name): value for name, value in OPTION_SETS[options].items()}
    client = portkey_ai.Portkey(base_url=provider.base_url, **arguments)
    try:
        client.chat.completions.create(**BODY)
    finally:
        client.openai_client.close()
        client._client.close()
    send({"base_url": provider.base_url, **OPTION_SETS[options]})
    theirs, ours = provider.requests
    expected = compared(theirs.headers)
    if "provider_api_key" not in OPTION_SETS[options]:
        # The vendored client cannot go without a key and makes one up; ours says nothing instead.
        assert expected.pop("authorization") == "Bearer OPENAI_API_KEY"
    if expected.get("x-portkey-api-key") == "":
        del expected["x-portkey-api-key"]  # the SDK names a key that it does not have
    assert compared(ours.headers) == expected
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)


#: Arguments of the SDK's client that are no options, and why.
NO_OPTIONS = {
    "websocket_base_url": "rows are not answered over web sockets",
    "webhook_secret": "nothing comes in by webhooks",
    "debug": "the gateway's log is no business of a query",
    "instrumentation": "traces the SDK's own code, which does not run",
    "http_client": "requests don't go over the SDK's transport",
    "calculate_audio_duration": "no audio is sent",
    "kwargs": "headers of any name are the option headers",
    "self": "is the client",
}


def test_every_argument_of_the_sdks_client_is_an_option() -> None:
    """A new argument of the SDK becomes an option, or stands among the exemptions with a reason."""
    arguments = set(inspect.signature(portkey_ai.Portkey.__init__).parameters)
    ours = {OUR_NAMES.get(name, name) for name, entry in OPTIONS.items() if entry.section == "gateway"}
    assert arguments - ours <= set(NO_OPTIONS)


def test_further_headers_beat_the_options(provider: OfflineProvider) -> None:
    """Whatever its spelling, a header goes out once, as the engine wrote it; the body stays JSON."""
    headers = {"authorization": "Basic abc", "X-PORTKEY-PROVIDER": "mine", "content-type": "text/plain"}
    send(
        {
            "base_url": provider.base_url,
            "provider": "openai",
            "provider_api_key": "sk-1234",
            "headers": headers,
        }
    )
    sent = provider.requests[0].headers
    assert (sent["authorization"], sent["x-portkey-provider"]) == ("Basic abc", "mine")
    assert sent["content-type"] == "application/json"


def test_what_is_given_below_beats_the_engine(provider: OfflineProvider) -> None:
    """Routing options of the model and the query replace the engine's; NULL takes one away."""
    engine = {"base_url": provider.base_url, "config": "pc-a", "trace_id": "t"}
    send(engine, routing={"config": "pc-b", "trace_id": None})
    sent = provider.requests[0].headers
    assert sent["x-portkey-config"] == "pc-b"
    assert "x-portkey-trace-id" not in sent


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, LOCAL),
        ({"portkey_api_key": "pk"}, HOSTED),
        ({"portkey_api_key": "pk", "base_url": "http://x/v1"}, "http://x/v1"),
    ],
)
def test_where_it_goes_when_nobody_says(options: dict[str, str], url: str) -> None:
    """With a key to the hosted gateway, without to one's own, as the SDK does."""
    assert address(EngineConfig(options)) == url


# Timeouts


@pytest.mark.parametrize("kind", ["stall", "stall_body"])
def test_the_timeout_bounds_headers_and_body(kind: Any, provider: OfflineProvider) -> None:
    """A reply that starts and never ends is over when its time is."""
    started = time.monotonic()
    error = fault(provider, Fault(kind))
    assert type(error) is RequestTimeoutError
    assert str(error) == f"no whole answer from {provider.base_url} within timeout = 0.5 s"
    assert time.monotonic() - started < 3


def test_a_server_that_accepts_and_says_nothing_is_bounded() -> None:
    """A listener that never reads is no reason to wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert type(failure({"base_url": f"http://127.0.0.1:{port}/v1"}, 0.3)) is RequestTimeoutError


# Sizes


class Serving:
    """A server that answers every connection with the same bytes, again and again for an endless body."""

    def __init__(self, head: str, body: bytes, *, is_endless: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._head, self._body, self._is_endless = head.encode(), body, is_endless
        self.sent = 0
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(2**16)
                    connection.sendall(self._head + b"\r\n")
                    while True:
                        connection.sendall(self._body)
                        self.sent += len(self._body)
                        if not self._is_endless:
                            break


GZIP = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n"


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_an_endless_body_is_not_read(status: str) -> None:
    """It took gigabytes in seconds; of an error the beginning is read."""
    server = Serving(
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n", b"x" * 2**20, is_endless=True
    )
    error = failure({"base_url": server.base_url}, 30)
    server.close()
    if status == "200 OK":
        assert (
            str(error) == f"the reply of {server.base_url} is larger than 64 MB; ask for less in one request"
        )
        assert not error.retryable
        assert server.sent < 200 * 2**20
    else:
        assert str(error) == f"500: {'x' * 299}…"
        assert server.sent < 100 * 2**20


def test_a_bomb_of_gzip_is_not_unpacked() -> None:
    """A megabyte on the wire would be a gigabyte here."""
    body = gzip.compress(bytes(2**20) * 500, compresslevel=9)
    server = Serving(GZIP, body)
    error = failure({"base_url": server.base_url}, 30)
    server.close()
    assert str(error).endswith("is larger than 64 MB; ask for less in one request")


def test_a_large_answer_is_read_whole() -> None:
    """A few megabytes are no attack, packed or not."""
    text = "y" * (5 * 2**20)
    body = orjson.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    server = Serving(GZIP, gzip.compress(body))
    found = send({"base_url": server.base_url}, 30)
    server.close()
    assert found.body["choices"][0]["message"]["content"] == text


# Proxies


def test_the_proxy_of_the_environment_is_used(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY carries what goes to an http address."""
    monkeypatch.setenv("http_proxy", proxy.url)
    reply = send({"base_url": "http://gateway.invalid/v1"})
    assert reply.body["choices"][0]["message"]["content"] == "through the proxy"
    assert proxy.asked == ["http://gateway.invalid/v1/chat/completions"]


def test_a_proxy_without_a_scheme_is_http(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As curl reads it."""
    monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
    send({"base_url": "http://gateway.invalid/v1"})
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("entry", ["127.0.0.1", "*", "127.0.0.1:{port}", "example.org, 127.0.0.1"])
def test_no_proxy_names_who_is_called_directly(
    entry: str, proxy: Proxy, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By host, by host and port, or all of them."""
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", entry.format(port=provider.port))
    send({"base_url": provider.base_url})
    assert (len(provider.requests), proxy.asked) == (1, [])


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is the proxy's, and its password is not shown."""
    port = free_port()
    monkeypatch.setenv("http_proxy", f"http://user:hush@127.0.0.1:{port}")
    error = failure({"base_url": "http://gateway.invalid/v1"})
    assert type(error) is ConnectError
    assert f"through the proxy 127.0.0.1:{port}: the connection was refused; correct HTTP_PROXY" in str(error)
    assert "hush" not in str(error)


def test_a_proxy_that_refuses_is_named(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel that is not granted is the proxy's doing, not the gateway's."""
    monkeypatch.setenv("https_proxy", proxy.url)
    error = failure({"base_url": "https://gateway.invalid/v1"})
    assert f"through the proxy {proxy.url.removeprefix('http://')}: it answered 407" in str(error)
    assert proxy.asked == ["gateway.invalid:443"]


# What goes wrong


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, StatusError),
        (400, StatusError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, StatusError),
        (408, ServerError),
        (412, BudgetExceededError),
        (425, ServerError),
        (429, RateLimitError),
        (431, StatusError),
        (446, StatusError),
        (500, ServerError),
        (503, ServerError),
        (529, ServerError),
    ],
)
def test_a_status_becomes_an_error(status: int, kind: type[GatewayError], provider: OfflineProvider) -> None:
    """The error has the status, the provider's words and its request id."""
    error = fault(provider, Fault(status=status))
    assert type(error) is kind
    assert str(error).startswith(f"{status}: The offline stand-in fails with {status}.")
    assert (error.status, error.request_id) == (status, f"offline-{provider.requests[-1].number}")


@pytest.mark.parametrize(
    "body", ["", "<html>", b"\xff", "[]", "null", '"text"', '{"error": []}', '{"error": 3}']
)
def test_a_rejection_without_words_gets_plain_ones(body: Any, provider: OfflineProvider) -> None:
    """Whatever stands in the body, there is a message."""
    assert str(fault(provider, Fault(status=429, body=body))).startswith("429: ")


def test_the_gateways_own_faults_say_so(provider: OfflineProvider) -> None:
    """Who is to blame stands in the first words, and the trace id is kept."""
    headers = {"x-portkey-gateway-exception": "true", "x-portkey-trace-id": "t-1"}
    error = fault(provider, Fault(status=500, headers=headers, body={"message": "no"}))
    assert str(error) == "500 from the gateway: no"
    assert (error.trace_id, error.evidence.trace_id) == ("t-1", "t-1")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("embed is not supported by anthropic", "use another provider or another mode"),
        ("prompt completions error: Something went wrong", "only Portkey's hosted gateway has saved prompts"),
    ],
)
def test_what_the_gateway_does_not_have_is_not_tried_again(
    said: str, remedy: str, provider: OfflineProvider
) -> None:
    """It says so with 500, as of a fault that may pass; this one does not."""
    error = fault(provider, Fault(status=500, body={"status": "failure", "message": said}))
    assert type(error) is UnsupportedError
    assert (error.retryable, error.concerns_every_row) == (False, True)
    assert said in str(error)
    assert remedy in str(error)


def test_a_wrong_config_is_told_with_its_reasons(provider: OfflineProvider) -> None:
    """The gateway's own message says only that it is wrong; what is wrong stands behind it."""
    body = {"status": "failure", "message": "Invalid config passed", "errors": [{"message": "no key"}]}
    error = fault(provider, Fault(status=400, body=body))
    assert str(error) == "400: Invalid config passed: no key"


def test_long_messages_are_cut(provider: OfflineProvider) -> None:
    """A provider that sends a page of text does not fill the screen."""
    assert len(str(fault(provider, Fault(status=400, body={"error": {"message": "x" * 5000}})))) < 320


def test_an_unknown_model_gets_its_remedy(provider: OfflineProvider) -> None:
    """The error says which option names the model, and which one was asked for."""
    provider.behaviour.unknown_models = ["claude-2.1"]
    error = failure({"base_url": provider.base_url})
    assert "write model = '…' in CREATE MODEL or SELECT … USING" in str(error)
    assert str(error).endswith("instead of 'claude-2.1'")


def test_a_model_that_takes_completion_tokens_gets_its_remedy(provider: OfflineProvider) -> None:
    """The error says what to write, with the number that was sent."""
    provider.behaviour.completion_token_models = ["claude-2.1"]
    assert str(failure({"base_url": provider.base_url})).endswith(
        "write max_completion_tokens = 100 instead of max_tokens"
    )


def test_a_gateway_that_is_not_told_where_to_gets_its_remedy(provider: OfflineProvider) -> None:
    """What the open-source gateway says without a provider is put into our words."""
    said = "Either x-portkey-config or x-portkey-provider header is required"
    error = fault(provider, Fault(status=400, body={"status": "failure", "message": said}))
    assert "name a destination: provider, virtual_key or config in CREATE ML_ENGINE" in str(error)


@pytest.mark.parametrize(
    ("written", "seconds"), [("7", 7), ("0.5", 0.5), ("-3", 0), ("soon", None), ("", None), ("nan", 0)]
)
def test_retry_after_in_seconds(written: str, seconds: float | None, provider: OfflineProvider) -> None:
    """Seconds, fractions too; what cannot be read is as if nothing was said."""
    assert fault(provider, Fault(status=429, headers={"Retry-After": written})).retry_after == seconds


def test_retry_after_as_a_date(provider: OfflineProvider) -> None:
    """HTTP allows a date; one that has passed is now."""
    later = email.utils.formatdate(time.time() + 30, usegmt=True)
    waits = [
        fault(provider, Fault(status=429, headers={"Retry-After": date})).retry_after
        for date in (later, "Wed, 21 Oct 2015 07:28:00 GMT")
    ]
    assert 25 < waits[0] <= 30
    assert waits[1] == 0


@pytest.mark.parametrize("attempts", ["--1", "²", "many", ""])
def test_odd_evidence_is_no_failure(attempts: str, provider: OfflineProvider) -> None:
    """A header of the gateway that cannot be read costs its detail, not the row."""
    headers = {"x-portkey-retry-attempt-count": attempts}
    assert fault(provider, Fault(status=400, headers=headers)).evidence.gateway_attempts is None


def test_malformed_json(provider: OfflineProvider) -> None:
    """A success that is no JSON is worth another attempt, and its text is not shown."""
    error = fault(provider, Fault("malformed"))
    assert type(error) is InvalidResponseError
    assert str(error) == f"the reply of {provider.base_url} is not JSON (25 bytes, status 200)"


def test_a_connection_that_breaks(provider: OfflineProvider) -> None:
    """A reset is told in a word and may be tried again."""
    error = fault(provider, Fault("reset"))
    assert type(error) is ConnectionLostError
    assert provider.base_url in str(error)


def test_nobody_listens() -> None:
    """Refused: the address, the cause and what to do."""
    base_url = f"http://127.0.0.1:{free_port()}/v1"
    error = failure({"base_url": base_url})
    assert type(error) is ConnectError
    assert str(error).startswith(
        f"{base_url} cannot be reached: the connection was refused; start your gateway"
    )


def test_an_unknown_host_is_not_tried_again() -> None:
    """There is no such name, and there won't be one in a second."""
    error = failure({"base_url": "http://nonexistent.invalid/v1"}, timeout=20)
    if "not known" not in str(error) or not isinstance(error, UnknownHostError):
        pytest.skip(f"the name server here does not say that there is no such name: {error}")
    assert not error.retryable


#: aiohttp's errors, and what each becomes.
MAPPED: dict[str, type[GatewayError]] = {
    "ClientConnectionError": ConnectionLostError,
    "ClientConnectionResetError": ConnectionLostError,
    "ClientConnectorCertificateError": ConnectError,
    "ClientConnectorDNSError": ConnectError,
    "ClientConnectorError": ConnectError,
    "ClientConnectorSSLError": ConnectError,
    "ClientError": ConnectionLostError,
    "ClientHttpProxyError": ConnectError,
    "ClientOSError": ConnectionLostError,
    "ClientPayloadError": InvalidResponseError,
    "ClientProxyConnectionError": ConnectError,
    "ClientResponseError": InvalidResponseError,
    "ClientSSLError": ConnectError,
    "ConnectionTimeoutError": RequestTimeoutError,
    "ContentTypeError": InvalidResponseError,
    "InvalidURL": StatusError,
    "InvalidUrlClientError": StatusError,
    "InvalidUrlRedirectClientError": StatusError,
    "NonHttpUrlClientError": StatusError,
    "NonHttpUrlRedirectClientError": StatusError,
    "RedirectClientError": ConnectionLostError,
    "ServerConnectionError": ConnectionLostError,
    "ServerDisconnectedError": ConnectionLostError,
    "ServerFingerprintMismatch": ConnectionLostError,
    "ServerTimeoutError": RequestTimeoutError,
    "SocketTimeoutError": RequestTimeoutError,
    "TooManyRedirects": InvalidResponseError,
    "UnixClientConnectorError": ConnectError,
    "UploadAbortedError": ConnectionLostError,
    "WSServerHandshakeError": InvalidResponseError,
}


def _kinds(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(_kinds(child) for child in kind.__subclasses__()))


def _aiohttps_errors() -> list[type[Exception]]:
    found = {kind for kind in _kinds(aiohttp.ClientError) if kind.__module__.startswith("aiohttp.")}
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", _aiohttps_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_aiohttp_is_mapped(kind: type[Exception]) -> None:
    """A new one of a newer aiohttp has to be given a meaning here."""
    error = kind.__new__(kind)
    translated = Gateway(gateway_config({"base_url": "http://x/v1"}))._translated(error)
    assert type(translated) is MAPPED[kind.__name__]


def test_an_error_tells_nothing_of_aiohttp(provider: OfflineProvider) -> None:
    """Callers catch our tree; no foreign error hangs on ours."""
    error = fault(provider, Fault("reset"))
    assert (error.__cause__, error.__context__) == (None, None)
    assert type(error).__module__ == errors.__name__


# The probe of CREATE ML_ENGINE


@pytest.mark.parametrize("status", [401, 403])
def test_the_probe_tells_that_the_key_was_rejected(status: int, provider: OfflineProvider) -> None:
    """CREATE ML_ENGINE fails with what to check."""
    provider.behaviour.faults = lambda _: Fault(status=status)
    with pytest.raises(AuthenticationError, match="check portkey_api_key, provider_api_key or virtual_key"):
        make_handler().create_engine({"base_url": provider.base_url, "portkey_api_key": "wrong"})
    (request,) = provider.requests
    assert (request.method, request.path) == ("GET", "/v1/models")
    assert request.headers["x-portkey-api-key"] == "wrong"


def test_the_probe_takes_the_right_key(provider: OfflineProvider) -> None:
    """One request, and the engine is there."""
    provider.reset(Behaviour(portkey_key="right"))
    make_handler().create_engine({"base_url": provider.base_url, "portkey_api_key": "right"})
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [307, 400, 404, 429, 500, 503])
def test_the_probe_takes_any_other_answer(status: int, provider: OfflineProvider) -> None:
    """A gateway without that endpoint is a gateway."""
    provider.behaviour.faults = lambda _: Fault(status=status)
    make_handler().create_engine({"base_url": provider.base_url})


def test_the_probe_names_the_address_that_is_not_there() -> None:
    """Soon, with the address and the remedy in the first line."""
    base_url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ConnectError) as caught:
        make_handler().create_engine({"base_url": base_url})
    assert base_url in str(caught.value)
    assert "PORTKEY_BASE_URL" in str(caught.value)


def test_the_probe_is_bounded(provider: OfflineProvider) -> None:
    """A gateway that does not answer in time is not there."""
    provider.behaviour.faults = lambda _: Fault("stall")
    started = time.monotonic()
    with pytest.raises(ConnectError, match=r"did not answer within 0\.3 s"):
        asyncio.run(check_engine(EngineConfig({"base_url": provider.base_url}), timeout=0.3))
    assert time.monotonic() - started < 3


def test_the_probe_can_be_left_out(provider: OfflineProvider) -> None:
    """`check = false` sends nothing; the options are checked all the same."""
    make_handler().create_engine({"base_url": provider.base_url, "check": "false"})
    assert provider.requests == []
    with pytest.raises(errors.OptionError):
        make_handler().create_engine({"base": provider.base_url, "check": False})
