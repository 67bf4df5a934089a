"""Addresses that are almost right, and connections that cannot be made: each message says its remedy."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.predicting import answered

from portkey_handler.errors import ConnectError, GatewayError, OptionError, StatusError, UnknownHostError
from portkey_handler.execution.event_loop import run_sync
from portkey_handler.gateway.client import check_engine
from portkey_handler.gateway.network import remedy_for
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options import EngineConfig, resolve

AUTHORITY = "name a file with the certificate of its authority in SSL_CERT_FILE"


def probe(**engine: Any) -> None:
    """Check an engine as CREATE ML_ENGINE does."""
    credentials = resolve(target="a", engine=engine, model={"model": "m"}, environment={}).credentials
    run_sync(check_engine(EngineConfig(credentials.options)))


@pytest.fixture
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class _Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that do not accept the certificate."""


class Tls:
    """A server on loopback that speaks TLS, with a certificate of an authority that nobody knows."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
                """Say nothing."""

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Tls]:
    """Give a running TLS server."""
    server = Tls(tmp_path)
    yield server
    server.stop()


def why(**engine: Any) -> GatewayError:
    """Give the error of a probe."""
    with pytest.raises(GatewayError) as caught:
        probe(**engine)
    return caught.value


@pytest.mark.usefixtures("_no_proxies")
def test_a_certificate_of_an_unknown_authority(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names SSL_CERT_FILE, and setting it helps, in a process that has asked before."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    base_url = f"https://localhost:{tls.port}/v1"
    error = why(base_url=base_url)
    assert type(error) is ConnectError
    assert str(error) == (
        f"{base_url} cannot be reached: its certificate is not accepted (unable to get local issuer "
        f"certificate); {AUTHORITY}"
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.authority))
    probe(base_url=base_url)


@pytest.mark.usefixtures("_no_proxies")
def test_a_certificate_file_that_is_not_there(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL passes over it without a word; the message does not."""
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/authority.pem")
    assert str(why(base_url=f"https://localhost:{tls.port}/v1")).endswith(
        "; SSL_CERT_FILE names /no/such/authority.pem, which is not a file"
    )


@pytest.mark.usefixtures("_no_proxies")
def test_a_certificate_for_another_host(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so; the authority is known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.authority))
    said = str(why(base_url=f"https://127.0.0.1:{tls.port}/v1"))
    assert "its certificate is not accepted (IP address mismatch, certificate is not valid for" in said


@pytest.mark.usefixtures("_no_proxies")
def test_https_where_the_server_speaks_http(provider: OfflineProvider) -> None:
    """One letter too many."""
    error = why(base_url=provider.base_url.replace("http://", "https://"))
    assert str(error).endswith(
        "; if the server does not speak TLS, write http:// instead of https:// in base_url"
    )


@pytest.mark.parametrize(
    ("hosted", "key", "remedy"),
    [
        (True, True, "check this machine's way to the internet; HTTPS_PROXY names a proxy"),
        (False, True, "correct base_url in CREATE ML_ENGINE or PORTKEY_BASE_URL"),
        (False, False, "correct base_url in CREATE ML_ENGINE or PORTKEY_BASE_URL"),
    ],
)
def test_an_unknown_host_gets_the_remedy_for_it(hosted: bool, key: bool, remedy: str) -> None:
    """Who has given a key was told to give one."""
    import socket

    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert remedy_for(error, is_hosted=hosted, has_key=key) == remedy


@pytest.mark.usefixtures("_no_proxies")
def test_who_has_a_key_is_not_told_to_give_one() -> None:
    """The key is for the hosted gateway, and base_url names another."""
    error = why(base_url="http://127.0.0.1:9/v1", portkey_api_key="pk-1234567")
    assert not isinstance(error, UnknownHostError)
    assert str(error) == (
        "http://127.0.0.1:9/v1 cannot be reached: the connection was refused; start your gateway (npx "
        "@portkey-ai/gateway), or name it by base_url in CREATE ML_ENGINE or PORTKEY_BASE_URL"
    )


@pytest.mark.parametrize(
    "end", ["/chat/completions", "/v1/chat/completions/", "/v1/embeddings", "/v1/Models"]
)
@pytest.mark.parametrize("option", ["base_url", "custom_host"])
def test_an_address_with_the_endpoint_in_it_is_refused(end: str, option: str) -> None:
    """It was forwarded to an endpoint within the endpoint."""
    with pytest.raises(OptionError) as caught:
        probe(**{"base_url": "http://localhost:8787/v1", option: f"http://gw:8787{end}"})
    kept = "http://gw:8787/v1" if end.startswith("/v1") else "http://gw:8787"
    assert str(caught.value) == (
        f"{option} = '{f'http://gw:8787{end}'[:60]}': expected an address without the endpoint, whose path is "
        f"added: {kept} (in CREATE ML_ENGINE … USING)"
    )


@pytest.mark.parametrize("path", ["", "/api"])
def test_an_address_without_v1(provider: OfflineProvider, path: str) -> None:
    """The probe finds it when the engine is created, and a query says it too."""
    provider.behaviour.faults = lambda _: Fault(status=404, body={"message": "Not Found", "ok": False})
    base_url = provider.base_url.removesuffix("/v1") + path
    error = why(base_url=base_url)
    assert type(error) is StatusError
    assert str(error) == f"404: Not Found; a gateway's address ends in /v1; write base_url = '{base_url}/v1'"


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (
            400,
            {"status": "failure", "message": "Invalid custom host"},
            "the gateway trusts only localhost and public addresses: start it with custom_host's host in "
            "TRUSTED_CUSTOM_HOSTS, such as TRUSTED_CUSTOM_HOSTS=localhost,127.0.0.1,192.168.1.5",
        ),
        (
            500,
            {
                "html-message": "Message: fetch failed Cause: Error: getaddrinfo ENOTFOUND ollama Name: TypeError"
            },
            "the gateway cannot reach the provider; correct custom_host, or start the provider's server",
        ),
        (
            500,
            {"html-message": "Message: fetch failed Cause: Error: self-signed certificate Name: TypeError"},
            "start the gateway with the provider's authority in NODE_EXTRA_CA_CERTS",
        ),
    ],
)
def test_what_the_gateway_says_of_the_provider_has_a_remedy(
    provider: OfflineProvider, status: int, body: Any, remedy: str
) -> None:
    """Its words are those of Node."""
    provider.behaviour.faults = lambda _: Fault(status=status, body=body)
    _, error = answered(provider, max_attempts=1)
    assert error is not None
    assert error.endswith(f"; {remedy}")
