"""The HTTP client; the only module that asks with aiohttp.

The headers are those that the SDK's client would send. Requests are sent by aiohttp, because the SDK's
transport has a tenth of its throughput. Every failure of a request becomes an error of this package here.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from types import TracebackType
from typing import Any, BinaryIO

import aiohttp
from yarl import URL

from ..errors import (
    ConnectError,
    ConnectionLostError,
    GatewayError,
    InvalidResponseError,
    RequestTimeoutError,
    ServerError,
    StatusError,
    UnknownHostError,
)
from ..options import EngineConfig
from ..records import Evidence, Request, Response
from ..secret import HiddenText
from . import json_bodies
from .config import HOSTED, PROBE_SECONDS, GatewayConfig
from .error_messages import is_versioned, rejection, secret_texts
from .failures import ERROR, NO_CHOICE, fault_in
from .network import cause_of, certificates, host_of, is_unknown_host, proxy_for, remedy_for
from .response_metadata import evidence_of
from .waits import remaining_in

_LARGE = 2**20
#: The bytes of a reply, unpacked, that are read; and those of an error, of which the beginning is enough.
_MOST_BYTES, _MOST_OF_AN_ERROR = 64 * 2**20, 2**20
_PIECE = 2**16
_TRACE, _SPAN = "x-portkey-trace-id", "x-portkey-span-id"


class Gateway:
    """Connections to one gateway, for one query; use as an asynchronous context manager.

    Args:
        config: Where the requests go, with which headers and which timeout.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._base_url = config.base_url
        self._has_key = bool(config.engine.secrets.get("portkey_api_key"))
        headers = config.headers
        self._headers = {name: text for name, text in headers.items() if name.lower() != "content-type"}
        self._headers["Content-Type"] = HiddenText("application/json")
        self._urls: dict[str, URL] = {}
        self._timeout = config.timeout
        self._trace_id = next((str(headers[name]) for name in headers if name.lower() == _TRACE), None)
        self._withheld = config.engine.withheld
        self._secrets = secret_texts(config.engine)
        self._proxy = None if config.is_direct else proxy_for(self._base_url)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Gateway:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            # The concurrency limit bounds the connections; a second limit would hide requests in a queue.
            connector=aiohttp.TCPConnector(
                limit=0, ssl=certificates() if self._base_url.startswith("https") else True
            ),
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
        """Send one request and return its whole response.

        Raises:
            GatewayError: The request failed; see the tree in `errors`.
        """
        span_id = request.headers.get(_SPAN) if request.headers is not None else None
        status, headers, content = await self._exchange("POST", request.path, request.body, request.headers)
        # aiohttp finds headers by names in any case, so they need not be copied.
        evidence = evidence_of(status, headers, content, self._trace_id, span_id)
        return self.read(content, headers, request.body, evidence)

    def read(
        self, content: bytes, headers: Mapping[str, str], request_body: bytes, evidence: Evidence
    ) -> Response:
        """Return the response that a reply is.

        Args:
            content: The reply's body.
            headers: Its headers, whose names are found in lower case.
            request_body: The body that was sent.
            evidence: The evidence of the reply, with its status.

        Raises:
            GatewayError: The reply is a failure.
        """
        status = evidence.status or 0
        if not 200 <= status < 300:
            raise self._rejection(headers, content, request_body, evidence)
        try:
            body = json_bodies.read(content)
        except ValueError:
            what = "a web page; correct base_url" if content.lstrip()[:1] == b"<" else "not JSON"
            raise InvalidResponseError(
                f"the reply of {self._base_url} is {what} ({len(content):,} bytes, status {status})",
                status=status,
                trace_id=evidence.trace_id,
                evidence=evidence,
            ) from None
        self._check(body, headers, content, request_body, evidence)
        return Response(status, body, evidence, remaining=remaining_in(headers))

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Send a request that is not about a row, and return the JSON of its reply.

        Args:
            method: GET, POST or DELETE.
            path: The path below the base URL, with its query.
            body: The body, or None.
            content_type: What the body is; None: JSON.
            seconds: How long it may take; None: the timeout of a request.

        Raises:
            GatewayError: The request failed.
        """
        kind = None if content_type is None else {"Content-Type": content_type}
        status, headers, content = await self._exchange(method, path, body, kind, seconds)
        evidence = evidence_of(status, headers, content, self._trace_id, None)
        # The body of a file is not searched for words of the error.
        return self.read(content, headers, b"", evidence).body

    async def download(self, path: str, into: BinaryIO, seconds: float) -> None:
        """Write the body of a reply to a GET into a file, however large it is.

        Raises:
            GatewayError: The request failed; a part of the body may have been written.
        """
        status, headers, content = await self._exchange("GET", path, None, None, seconds, into)
        if not 200 <= status < 300:
            evidence = evidence_of(status, headers, content, self._trace_id, None)
            raise self._rejection(headers, content, b"", evidence)

    def _check(
        self, body: Any, headers: Mapping[str, str], content: bytes, request_body: bytes, evidence: Evidence
    ) -> None:
        """Raise the error of a reply that is a failure although its status is a success."""
        fault = fault_in(body)
        if fault is None:
            return
        if fault == ERROR:
            raise self._rejection(headers, content, request_body, evidence)
        failed = InvalidResponseError if fault == NO_CHOICE else ServerError
        raise failed(fault, status=evidence.status, trace_id=evidence.trace_id, evidence=evidence)

    def _rejection(
        self, headers: Mapping[str, str], content: bytes, request_body: bytes, evidence: Evidence
    ) -> StatusError:
        return rejection(
            headers,
            content,
            request_body,
            evidence,
            secrets=self._secrets,
            withheld=self._withheld,
            base_url=self._base_url,
        )

    async def probe(self) -> None:
        """Request the gateway's list of models, to check that it answers and accepts the key.

        Raises:
            AuthenticationError: The gateway does not accept the key.
            ConnectError: The gateway cannot be reached.
            StatusError: There is no gateway at this path.
        """
        try:
            status, headers, content = await self._exchange("GET", "/models", None)
        except RequestTimeoutError as error:
            raise ConnectError(
                f"{self._base_url} did not answer within {self._timeout:g} s; {self._remedy_for(error)}"
            ) from error
        except (ConnectionLostError, InvalidResponseError):
            return  # a server answers
        lacks_version = status == 404 and not is_versioned(self._base_url)
        if status in (401, 403) or lacks_version:
            raise self._rejection(headers, content, b"", evidence_of(status, headers, content, None, None))

    async def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        further: Mapping[str, str] | None = None,
        seconds: float | None = None,
        into: BinaryIO | None = None,
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
                **({} if seconds is None else {"timeout": aiohttp.ClientTimeout(total=seconds)}),
            ) as reply:
                if into is not None and 200 <= reply.status < 300:
                    async for piece in reply.content.iter_chunked(_PIECE):
                        into.write(piece)
                    return reply.status, reply.headers, b""
                content = await _bounded(reply)
                if content is not None:
                    return reply.status, reply.headers, content
            failure = InvalidResponseError(
                f"the reply of {self._base_url} is larger than {_MOST_BYTES // 2**20} MB; ask for less in "
                "one request",
                status=reply.status,
                retryable=False,
            )
        except (asyncio.TimeoutError, TimeoutError):
            failure = self._timed_out(seconds)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = self._translated(error)
        # Raised after the except blocks, the error has no link to the original one, which holds the keys.
        evidence = Evidence(trace_id=self._trace_id, span_id=further.get(_SPAN) if further else None)
        raise failure.replace(trace_id=self._trace_id, evidence=evidence)

    def _remedy_for(self, error: Exception) -> str:
        return remedy_for(error, is_hosted=self._base_url == HOSTED, has_key=self._has_key)

    def _timed_out(self, seconds: float | None = None) -> RequestTimeoutError:
        if seconds is not None:
            return RequestTimeoutError(f"no whole answer from {self._base_url} within {seconds:g} s")
        return RequestTimeoutError(
            f"no whole answer from {self._base_url} within timeout = {self._timeout:g} s"
        )

    def _url(self, path: str) -> URL:
        """Return the address of a path, parsed once: parsing takes longer than preparing a request."""
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self._base_url + path)
        return url

    def _translated(self, error: Exception) -> GatewayError:
        """Return this package's error for an error of aiohttp; a test fails on errors that have none."""
        if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
            status = getattr(error, "status", None)
            said = f"it answered {status}" if status else cause_of(error)
            return ConnectError(
                f"{self._base_url} cannot be reached through the proxy {host_of(self._proxy)}: {said}; "
                "correct HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY"
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            os_error = getattr(error, "os_error", None)
            is_unknown = isinstance(error, aiohttp.ClientConnectorDNSError) and is_unknown_host(os_error)
            kind = UnknownHostError if is_unknown else ConnectError
            cause, remedy = cause_of(error), self._remedy_for(error)
            return kind(f"{self._base_url} cannot be reached: {cause}; {remedy}")
        # The last two are raised for host names that DNS does not allow, and for proxies of another protocol.
        if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError)):
            through = f" through the proxy {host_of(self._proxy)}" if self._proxy else ""
            return StatusError(
                f"{self._base_url} is not an address that can be requested{through}; correct base_url"
            )
        if isinstance(error, aiohttp.ServerTimeoutError):
            return self._timed_out()
        if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ClientResponseError)):
            return InvalidResponseError(f"the reply of {self._base_url} broke off or is not HTTP")
        return ConnectionLostError(f"the connection to {self._base_url} broke: {type(error).__name__}")


async def check_engine(engine: EngineConfig, timeout: float = PROBE_SECONDS) -> None:
    """Probe the engine's gateway once, at most `PROBE_SECONDS` long.

    Raises:
        AuthenticationError: The key was rejected.
        ConnectError: The gateway cannot be reached.
    """
    config = GatewayConfig.of_engine(engine, min(timeout, PROBE_SECONDS))
    async with Gateway(config) as gateway:
        await gateway.probe()


async def _bounded(reply: aiohttp.ClientResponse) -> bytes | None:
    """Return the body of a reply, of an error at most its beginning; None where an answer is too large."""
    is_answer = 200 <= reply.status < 300
    most = _MOST_BYTES if is_answer else _MOST_OF_AN_ERROR
    if not reply.headers.get("Content-Encoding") and 0 <= (reply.content_length or -1) <= most:
        return await reply.read()
    pieces: list[bytes] = []
    size = 0
    async for piece in reply.content.iter_chunked(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            reply.close()  # the rest is not wanted, and may have no end
            return None if is_answer else b"".join(pieces)[:most]
    return b"".join(pieces)


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp warns about larger bytes, because it writes them without yielding to other tasks.
    return body if body is None or len(body) < _LARGE else io.BytesIO(body)
