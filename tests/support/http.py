"""A plain HTTP client, so that nothing under test is used to test it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson


@dataclass(frozen=True)
class Response:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON value."""
        return orjson.loads(self.body)


def request(
    method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 30
) -> Response:
    """Send one request over a connection of its own; objects go out as JSON, bytes as they are."""
    parts = urlsplit(url)
    content = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
    sent = {"content-type": "application/json", **(headers or {})}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(method, parts.path or "/", content, sent)
        reply = connection.getresponse()
        return Response(
            reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        )
    finally:
        connection.close()


def post(url: str, body: Any, headers: Mapping[str, str] | None = None, timeout: float = 30) -> Response:
    """POST; see `request`."""
    return request("POST", url, body, headers, timeout)


def get(url: str, headers: Mapping[str, str] | None = None, timeout: float = 30) -> Response:
    """GET; see `request`."""
    return request("GET", url, None, headers, timeout)
