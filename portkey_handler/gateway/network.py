"""The proxy and the certificates that the environment names; why a connection failed, and the remedy."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.request
from functools import lru_cache
from pathlib import Path
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


def certificates() -> ssl.SSLContext:
    """Return what servers' certificates are checked by: those of the system, or of SSL_CERT_FILE."""
    return _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(4)
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:  # noqa: ARG001 - OpenSSL reads them
    # Made anew when a notebook sets the variables: aiohttp makes its own once, when it is imported.
    return ssl.create_default_context()


def is_unknown_host(error: OSError | None) -> bool:
    """Return whether a host name is unknown. EAI_AGAIN, no answer of the name server, may be temporary."""
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def cause_of(error: BaseException) -> str:
    """Return the reason why a connection failed, in plain words."""
    cause: BaseException | None = getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.CertificateError):
        return (
            f"its certificate is not accepted ({getattr(cause, 'verify_message', None) or 'no reason given'})"
        )
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({getattr(cause, 'reason', None) or 'no reason given'})"
    if isinstance(cause, socket.gaierror):
        return "the host name is not known"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return type(cause).__name__


def remedy_for(error: BaseException, *, is_hosted: bool, has_key: bool) -> str:
    """Return what to do about a connection that cannot be made.

    Args:
        error: The error of the connection.
        is_hosted: Whether the address is that of Portkey's hosted gateway, which nobody has written.
        has_key: Whether there is a Portkey API key.
    """
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.CertificateError):
        return _about_certificates()
    if isinstance(cause, ssl.SSLError):
        return "if the server does not speak TLS, write http:// instead of https:// in base_url"
    if is_hosted:
        return "check this machine's way to the internet; HTTPS_PROXY names a proxy"
    if is_unknown_host(cause if isinstance(cause, OSError) else None):
        return "correct base_url in CREATE ML_ENGINE or PORTKEY_BASE_URL"
    start = "start your gateway (npx @portkey-ai/gateway), or name it by base_url in CREATE ML_ENGINE or "
    return f"{start}PORTKEY_BASE_URL" + ("" if has_key else ", or give portkey_api_key for the hosted one")


def _about_certificates() -> str:
    file = os.environ.get("SSL_CERT_FILE")
    if file and not Path(file).is_file():
        return f"SSL_CERT_FILE names {file}, which is not a file"
    return "name a file with the certificate of its authority in SSL_CERT_FILE"
