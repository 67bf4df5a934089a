"""The only door to HTTP.

Headers are what the SDK's client would send; requests go over aiohttp, because the SDK's transport carries a
tenth of the rows. Whatever goes wrong out there becomes one of our errors here, and nowhere else.
"""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from ..errors import (
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
from ..options import EngineConfig
from ..options.resolve import is_key
from ..options.routing import CONFIG_WORDS
from ..records import Request, Response
from .config import gateway_options
from .error_messages import describe_rejection, is_unsupported, seconds_to_wait
from .response_metadata import evidence_of
from .sdk_headers import NOT_HEADERS, make_headers

HOSTED = "https://api.portkey.ai/v1"
LOCAL = "http://localhost:8787/v1"
#: Seconds that the probe of a new engine may take.
PROBE_SECONDS = 10.0
_SHORTEST_SECRET = 4
#: Parts of configs and targets whose words messages are made of.
_NEVER_SECRET = frozenset({"default", "mode", "model", "name", "provider", "then"})
_LARGE = 2**20


def address(credentials: EngineConfig) -> str:
    """Return the gateway's base URL: the one given, else the hosted one with a key, the local one without."""
    given: str | None = credentials.options.get("base_url")
    return given or (HOSTED if credentials.options.get("portkey_api_key") else LOCAL)


def request_headers(credentials: EngineConfig, routing: Mapping[str, Any]) -> dict[str, str]:
    """Make the headers that the SDK's client would send for these options.

    Args:
        credentials: The engine's options.
        routing: Gateway options given below the engine; they beat the engine's.

    Raises:
        OptionError: See `routing.gateway_options`.
    """
    options = {"strict_open_ai_compliance": False, **gateway_options(credentials.options, routing)}
    made = make_headers(
        {name: value for name, value in options.items() if name not in NOT_HEADERS and value is not None}
    )
    further: dict[str, str] = options.get("headers") or {}
    # Whatever the spelling, a header goes out once: the engine's own word beats what its options make.
    again = {name.lower() for name in further}
    return {**{name: text for name, text in made.items() if name.lower() not in again}, **further}


class Gateway:
    """Connections to one gateway, for one query; use as an asynchronous context manager.

    Args:
        credentials: The engine's options.
        routing: Gateway options given below the engine.
        timeout: Seconds that one request may take, the last byte of its body included.
    """

    def __init__(self, credentials: EngineConfig, routing: Mapping[str, Any], timeout: float) -> None:
        self._base_url = address(credentials)
        headers = request_headers(credentials, routing)
        self._headers = {name: text for name, text in headers.items() if name.lower() != "content-type"}
        self._headers["Content-Type"] = "application/json"
        self._urls: dict[str, URL] = {}
        self._timeout = timeout
        self._withheld = credentials.withheld
        self._secrets = _secrets(credentials)
        self._proxy = _proxy(self._base_url)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Gateway:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            # The flight bounds the connections; a second bound would only hide requests in a queue.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Not trust_env: it would let a .netrc replace the provider's Authorization.
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request) -> Response:
        """Send one request and return its whole reply.

        Raises:
            GatewayError: There was no success; see the tree in `errors`.
        """
        status, headers, content = await self._exchange("POST", request.path, request.body, request.headers)
        # aiohttp finds a header whatever the case of its name, and so nothing has to be copied.
        if not 200 <= status < 300:
            raise self._rejection(status, headers, content, request.body)
        try:
            body = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise InvalidResponseError(
                f"the reply of {self._base_url} is not JSON ({len(content):,} bytes, status {status})",
                status=status,
                evidence=evidence_of(headers),
            ) from None
        return Response(status, headers, body)

    async def probe(self) -> None:
        """Ask the gateway for its models, to see whether it is there and takes the key.

        Raises:
            AuthenticationError: It does not take the key.
            ConnectError: It is not there.
        """
        try:
            status, headers, content = await self._exchange("GET", "/models", None)
        except RequestTimeoutError as error:
            raise ConnectError(
                f"{self._base_url} did not answer within {self._timeout:g} s{_ADDRESS_HINT}"
            ) from error
        except (ConnectionLostError, InvalidResponseError):
            return  # somebody is there
        if status in (401, 403):
            raise self._rejection(status, headers, content, b"")

    async def _exchange(
        self, method: str, path: str, body: bytes | None, further: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            raise RuntimeError("use the gateway as an asynchronous context manager")
        failure: GatewayError
        try:
            async with self._session.request(
                method,
                self._url(path),
                data=_sendable(body),
                headers=further,
                allow_redirects=False,
                proxy=self._proxy,
            ) as reply:
                content = await reply.read()
                return reply.status, reply.headers, content
        except (asyncio.TimeoutError, TimeoutError):
            failure = RequestTimeoutError(
                f"no whole answer from {self._base_url} within timeout = {self._timeout:g} s"
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = self._translated(error)
        # Out here nothing leads back to the original, which holds the request's headers, and so the keys.
        raise failure

    def _url(self, path: str) -> URL:
        """Return the address of a path; parsing it takes longer than all else before a request is sent."""
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self._base_url + path)
        return url

    def _translated(self, error: Exception) -> GatewayError:  # noqa: PLR0911 - a table of cases
        """Make one of our errors of aiohttp's; a test lists aiohttp's and fails on one that nobody mapped."""
        if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
            status = getattr(error, "status", None)
            said = f"it answered {status}" if status else _cause(error)
            return ConnectError(
                f"{self._base_url} cannot be reached through the proxy {_host(self._proxy)}: {said}; mend "
                "HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY"
            )
        if isinstance(error, aiohttp.ClientConnectorDNSError) and _is_unknown(
            getattr(error, "os_error", None)
        ):
            return UnknownHostError(f"{self._base_url} cannot be reached: {_cause(error)}{_ADDRESS_HINT}")
        if isinstance(error, aiohttp.ClientConnectorError):
            return ConnectError(f"{self._base_url} cannot be reached: {_cause(error)}{_ADDRESS_HINT}")
        # Of the last two kinds are host names that DNS cannot carry, and proxies of another protocol.
        if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError)):
            through = f" through the proxy {_host(self._proxy)}" if self._proxy else ""
            return StatusError(
                f"{self._base_url} is not an address that can be called{through}; mend base_url"
            )
        if isinstance(error, aiohttp.ServerTimeoutError):
            return RequestTimeoutError(
                f"no whole answer from {self._base_url} within timeout = {self._timeout:g} s"
            )
        if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ClientResponseError)):
            return InvalidResponseError(f"the reply of {self._base_url} broke off or is not HTTP")
        return ConnectionLostError(f"the connection to {self._base_url} broke: {type(error).__name__}")

    def _rejection(
        self, status: int, headers: Mapping[str, str], content: bytes, request_body: bytes
    ) -> GatewayError:
        kind: type[StatusError] = StatusError
        if status in (401, 403):
            kind = AuthenticationError
        elif status == 412:
            kind = BudgetExceededError
        elif status == 429:
            kind = RateLimitError
        elif is_unsupported(content):
            kind = UnsupportedError
        elif status in (408, 425) or status >= 500:
            kind = ServerError
        message = describe_rejection(status, headers, content, request_body, self._secrets)
        if kind is AuthenticationError and self._withheld:
            names = ", ".join(sorted(self._withheld))
            message += (
                f"; {names} of the environment was not sent, because the engine names an address of its own: "
                "give both in CREATE ML_ENGINE, or both in the environment"
            )
        return kind(
            message,
            status=status,
            retry_after=seconds_to_wait(headers),
            request_id=headers.get("x-request-id"),
            trace_id=headers.get("x-portkey-trace-id"),
            evidence=evidence_of(headers, status, content),
        )


_ADDRESS_HINT = (
    "; start your gateway (npx @portkey-ai/gateway), or name it by base_url in CREATE ML_ENGINE or "
    "PORTKEY_BASE_URL, or give portkey_api_key for the hosted one"
)


def check_engine(credentials: EngineConfig, timeout: float = PROBE_SECONDS) -> None:
    """Probe the engine's gateway once, at most `PROBE_SECONDS` long.

    Raises:
        AuthenticationError: The key was rejected.
        ConnectError: The gateway is not there.
    """
    # Which of its targets a request goes to is said below the engine.
    own = {name: value for name, value in credentials.options.items() if name not in CONFIG_WORDS}

    async def probe() -> None:
        async with Gateway(
            EngineConfig(own, credentials.withheld), {}, min(timeout, PROBE_SECONDS)
        ) as gateway:
            await gateway.probe()

    from ..execution.event_loop import run_sync

    run_sync(probe())


def _secrets(credentials: EngineConfig) -> list[str]:
    """Collect every secret text of the engine, nested ones too, longest first."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.update((value, value.removeprefix("Bearer ")))
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                if name not in _NEVER_SECRET:
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    for name, value in credentials.options.items():
        if is_key(name, value):
            collect(value)
    # A short text is no key, and hiding it would garble the message.
    return sorted((text for text in found if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp warns of larger bytes, which it writes without letting others have their turn.
    return body if body is None or len(body) < _LARGE else io.BytesIO(body)


def _proxy(base_url: str) -> str | None:
    """Return the proxy that the usual environment variables name for this address, or None."""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.netloc):  # with its port, which NO_PROXY may name
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _host(proxy: str | None) -> str:
    """Name a proxy without the user and password that may stand in it."""
    return (proxy or "").rpartition("@")[2].rpartition("://")[2].partition("/")[0]


def _is_unknown(error: OSError | None) -> bool:
    # EAI_AGAIN, a name server that does not answer, may pass.
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def _cause(error: BaseException) -> str:
    """Say in plain words why a connection failed."""
    cause: BaseException | None = getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.CertificateError):
        return "its certificate is not accepted"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({getattr(cause, 'reason', None) or 'no reason given'})"
    if isinstance(cause, socket.gaierror):
        return "the host name is not known"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return type(cause).__name__
