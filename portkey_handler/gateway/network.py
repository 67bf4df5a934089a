"""The proxy that the environment names, and the reason why a connection failed."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from urllib.parse import urlsplit


def proxy_for(base_url: str) -> str | None:
    """Return the proxy for an address from the usual environment variables, or None."""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.netloc):  # with the port, because NO_PROXY may name one
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def host_of(proxy: str | None) -> str:
    """Return the host of a proxy, without the user and password in its address."""
    return (proxy or "").rpartition("@")[2].rpartition("://")[2].partition("/")[0]


def is_unknown_host(error: OSError | None) -> bool:
    """Return whether a host name is unknown. EAI_AGAIN, no answer of the name server, may be temporary."""
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def cause_of(error: BaseException) -> str:
    """Return the reason why a connection failed, in plain words."""
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
