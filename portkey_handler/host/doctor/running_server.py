"""A running MindsDB, over HTTP."""

from __future__ import annotations

import http.client
import http.cookiejar
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SOON, _LATER = 10.0, 120.0


class NoServerError(Exception):
    """No MindsDB answers; the message says what answers instead, or why nothing does."""


class ClosedServerError(Exception):
    """A MindsDB answers and needs a login; the message says what it did not accept."""


class StatementFailedError(Exception):
    """A statement failed in MindsDB; the message is the first line of MindsDB's."""


def is_here(url: str) -> bool:
    """Return whether an address belongs to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirection, because the token would go with it."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no other request."""


class Server:
    """A running MindsDB.

    Args:
        url: Its address, such as `http://127.0.0.1:47334`.

    Attributes:
        url: The address.
        version: Its version, as it says.

    Raises:
        NoServerError: It does not answer, or is no MindsDB.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A proxy cannot reach this machine.
        proxies = [urllib.request.ProxyHandler({})] if is_here(url) else []
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies, _Staying, *proxies)
        self._headers = {"Content-Type": "application/json"}
        try:
            status = self._send("GET", "/api/status", None, _SOON)
            self.version = str(status["mindsdb_version"])
            self._is_closed = bool(status["auth"]["http_auth_enabled"])
        except urllib.error.HTTPError as error:
            error.close()
            raise NoServerError(f"{self.url} answers {error.code}, and not as a MindsDB does") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            said = str(getattr(reason, "strerror", None) or reason or type(error).__name__).lower()
            raise NoServerError(f"no server answers at {self.url}: {said}") from None
        except (ValueError, TypeError, KeyError, http.client.HTTPException):
            raise NoServerError(f"{self.url} answers, and not as a MindsDB does") from None

    def log_in(self, environment: Mapping[str, str]) -> None:
        """Log in where the server needs it, with the environment variables that MindsDB itself reads.

        Raises:
            ClosedServerError: There are none, or the server does not accept them.
        """
        if not self._is_closed:
            return
        token = environment.get("MINDSDB_AUTH_TOKEN")
        user, password = environment.get("MINDSDB_USERNAME"), environment.get("MINDSDB_PASSWORD")
        try:
            if not token and user and password:
                told = self._send("POST", "/api/login", {"username": user, "password": password}, _SOON)
                token = told.get("token")  # otherwise there is a cookie now
            elif not token:
                raise ClosedServerError("it needs a login")
            if token:
                self._headers["Authorization"] = f"Bearer {token}"
            confirmed = self._send("GET", "/api/status", None, _SOON)["auth"]["confirmed"]
        except urllib.error.HTTPError as error:
            error.close()
            raise ClosedServerError(f"it does not accept the login ({error.code})") from None
        if not confirmed:
            raise ClosedServerError("it does not accept the token")

    def rows(self, statement: str, seconds: float = _LATER) -> list[dict[str, Any]]:
        """Run a statement and return its rows; column names are in lower case.

        Raises:
            StatementFailedError: The statement failed, or MindsDB did not answer.
        """
        try:
            told = self._send("POST", "/api/sql/query", {"query": statement}, seconds)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(300).decode("utf-8", "replace").strip()
            raise StatementFailedError(f"{error.code}: {said}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise StatementFailedError(f"{self.url} did not answer: {error}") from None
        if told.get("type") == "error":
            raise StatementFailedError(str(told.get("error_message")).strip().partition("\n")[0])
        names = [str(name).lower() for name in told.get("column_names") or ()]
        return [dict(zip(names, row, strict=True)) for row in told.get("data") or ()]

    def is_community(self, handler: str) -> bool | None:
        """Return whether a handler is in the folder for community handlers; None where it is not known."""
        try:
            told = self._send("GET", f"/api/handlers/{handler}", None, _LATER)
        except (OSError, ValueError, http.client.HTTPException):
            return None
        return bool(told.get("community")) if isinstance(told, dict) else None

    def _send(self, method: str, path: str, body: Any, seconds: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, self._headers, method=method)  # noqa: S310 - the command checks that it is http
        with self._opener.open(request, timeout=seconds) as reply:
            return json.loads(reply.read())


def quoted(name: str) -> str:
    """Return a name, quoted for SQL."""
    return "`" + name.replace("`", "") + "`"


def text(value: str) -> str:
    """Return a text, quoted for SQL."""
    return "'" + value.replace("'", "''") + "'"
