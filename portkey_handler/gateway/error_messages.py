"""Make the errors of failed responses: the provider's message, and the remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import AuthenticationError, BudgetExceededError, CapacityError, StatusError
from ..foreign_text import safe
from ..options import EngineConfig
from ..records import Evidence
from ..secret import MASK, Secret
from .failures import NO_PROMPTS, UNSUPPORTED, error_in, kind_of, whom_it_concerns
from .said import Said, parsed
from .waits import seconds_to_wait

_LONGEST_MESSAGE = 300
#: Characters of a provider's words that are looked through; the message is cut much earlier.
_MOST_READ = 20_000
_SHORTEST_SECRET = 4


def rejection(
    headers: Mapping[str, str],
    content: bytes,
    request_body: bytes,
    evidence: Evidence,
    *,
    secrets: Sequence[Secret] = (),
    withheld: Collection[str] = (),
    base_url: str = "",
) -> StatusError:
    """Return the error of a failed response.

    Args:
        headers: The response's headers, whose names are found in lower case.
        content: The response's body.
        request_body: The body that was sent.
        evidence: The evidence of the response, with its status.
        secrets: See `describe_rejection`.
        withheld: Options of the environment that were not sent to the engine's own address.
        base_url: The gateway's base URL, for the remedy.
    """
    said = error_in(content)
    waits = seconds_to_wait(headers)
    said = said if waits is None else replace(said, wait=waits)
    status = evidence.status or 0
    kind = kind_of(status, said)
    message = _described(status, headers, said, request_body, secrets, base_url)
    if kind is AuthenticationError and withheld:
        message += (
            f"; {', '.join(sorted(withheld))} of the environment was not sent, because the engine has an "
            "address of its own; give the key and the address both in CREATE ML_ENGINE, or both in the "
            "environment"
        )
    return kind(
        message,
        status=status,
        retry_after=said.wait,
        request_id=evidence.request_id,
        trace_id=evidence.trace_id,
        evidence=evidence,
        code=safe(said.code) or None,
        **whom_it_concerns(kind, status, said),
    )


def secret_texts(engine: EngineConfig) -> list[Secret]:
    """Return every text in the engine's secrets, nested ones too, longest first."""
    found: set[Secret] = set()

    def collect(value: Any) -> None:
        if isinstance(value, Secret):
            found.update((value, Secret(value.reveal().removeprefix("Bearer "))))
        elif isinstance(value, Mapping):
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    for value in engine.secrets.values():
        collect(value)
    # A short text is not a key, and hiding it would make the message unreadable.
    long_ones = [text for text in found if len(text.reveal()) >= _SHORTEST_SECRET]
    return sorted(long_ones, key=lambda text: len(text.reveal()), reverse=True)


def describe_rejection(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    request_body: bytes,
    secrets: Sequence[Secret] = (),
) -> str:
    """Return the message of a failed response in one line: what, why, and the remedy where it is known.

    Args:
        status: HTTP status.
        headers: The response's headers, whose names are found in lower case.
        content: The response's body.
        request_body: The body that was sent, for the remedy.
        secrets: Texts that are hidden if the provider repeats them, longer ones first.
    """
    return _described(status, headers, error_in(content), request_body, secrets)


def is_versioned(base_url: str) -> bool:
    """Return whether an address ends in a version, such as /v1, as those of gateways do."""
    return _VERSION.search(base_url) is not None


def _described(
    status: int,
    headers: Mapping[str, str],
    found: Said,
    request_body: bytes,
    secrets: Sequence[Secret],
    base_url: str = "",
) -> str:
    said = found.text[:_MOST_READ].removeprefix(f"{status} ")  # "404 Not Found" is said once
    if provider := headers.get("x-portkey-provider"):
        said = said.removeprefix(f"{provider} error: ")  # so is the provider's name
    # Before the message is cut, so that no beginning of a key remains.
    for secret in secrets:
        said = said.replace(secret.reveal(), MASK)
    said = safe(said)
    if len(said) > _LONGEST_MESSAGE:
        said = said[: _LONGEST_MESSAGE - 1] + "…"
    if _LOST.fullmatch(said):
        said = "the gateway did not pass on the provider's words"
    shown = "an error in a reply of status 200" if status == 200 else str(status)
    line = f"{shown}{_sender(headers)}: {said or _PLAIN.get(status, 'no reason given')}"
    remedy = _remedy(status, said.lower(), found, request_body, base_url)
    return f"{line}; {remedy}" if remedy else line


_PLAIN = {
    401: "the key was rejected",
    402: "no credit is left",
    403: "the key may not do this",
    404: "not found",
    408: "the gateway waited too long for the provider",
    412: "a budget is exhausted",
    429: "too many requests",
    431: "the headers are too large",
    446: "a guardrail denied the request",
}


def _sender(headers: Mapping[str, str]) -> str:
    if headers.get("x-portkey-gateway-exception") == "true":
        return " from the gateway"
    provider = headers.get("x-portkey-provider")
    return f" from {provider}" if provider else ""


def _remedy(  # noqa: PLR0911, PLR0912, C901 - a table of cases
    status: int, said: str, found: Said, request_body: bytes, base_url: str
) -> str:
    if UNSUPPORTED.fullmatch(said):
        return "use another provider or another mode"
    if said.startswith(NO_PROMPTS):
        return "only Portkey's hosted gateway has saved prompts; give its portkey_api_key, and no base_url"
    if 300 <= status < 400:
        return "redirects are not followed, because the keys would be sent along; correct base_url"
    if kind_of(status, found) is BudgetExceededError:
        return ""
    if kind_of(status, found) is CapacityError and _sent(request_body).get("service_tier"):
        return "flex_fallback = true asks without service_tier then, for the ordinary price"
    if found.code == "unsupported_country_region_territory":
        return ""
    is_of_model = found.code == "model_not_found" or "access to model" in said
    if kind_of(status, found) is AuthenticationError and not is_of_model:
        return "check portkey_api_key, provider_api_key or virtual_key of the engine"
    if status == 400 and _TOO_MANY_TOKENS.search(said):
        return "lower max_tokens"
    if status == 400 and "max_completion_tokens" in said:
        limit = _sent(request_body).get("max_tokens", 300)
        return f"write max_completion_tokens = {limit} instead of max_tokens"
    if said == "invalid custom host":
        return (
            "the gateway trusts only localhost and public addresses: start it with custom_host's host in "
            "TRUSTED_CUSTOM_HOSTS, such as TRUSTED_CUSTOM_HOSTS=localhost,127.0.0.1,192.168.1.5"
        )
    if "certificate" in said and status >= 500:
        return "start the gateway with the provider's authority in NODE_EXTRA_CA_CERTS"
    if status >= 500 and any(word in said for word in _UNREACHABLE):
        return "the gateway cannot reach the provider; correct custom_host, or start the provider's server"
    if "model" in said and (status == 404 or is_of_model or "does not exist" in said):
        model = _sent(request_body).get("model")
        return (
            f"write model = '…' in CREATE MODEL or SELECT … USING with a model that the provider has, "
            f"instead of {model!r}"
        )
    if status in (404, 405) and base_url and not is_versioned(base_url):
        return f"a gateway's address ends in /v1; write base_url = '{base_url}/v1'"
    if status == 400 and "provider" in said and ("x-portkey-provider" in said or "x-portkey-config" in said):
        return (
            "name a destination: provider, virtual_key or config in CREATE ML_ENGINE (or PORTKEY_PROVIDER …)"
        )
    return ""


#: What the gateway makes of a message that is not where it looks for one.
_LOST = re.compile(r"(?:[\w-]+ error: )?(?:undefined|null|\[object Object\])")
#: More tokens of an answer than the model can write.
_TOO_MANY_TOKENS = re.compile(
    r"max_(completion_)?tokens\W.{0,60}(too large|less than or equal|at most|exceeds?|maximum)"
)
#: What Node says where the gateway cannot reach the provider.
_UNREACHABLE = ("enotfound", "econnrefused", "eai_again", "bad port", "ehostunreach", "enetunreach")
_VERSION = re.compile(r"/v\d+[a-z0-9]*(/|$)")


def _sent(request_body: bytes) -> dict[str, Any]:
    body = parsed(request_body)
    return body if isinstance(body, dict) else {}
