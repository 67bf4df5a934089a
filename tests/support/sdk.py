"""One call, as the SDK's own client sends it and as SELECT does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import portkey_ai

from portkey_handler.gateway.offline import OfflineProvider, RecordedRequest

from .predicting import predict

#: Options of the engine, and what the SDK's client calls them.
ENGINE = {
    "portkey_api_key": "pk-1",
    "virtual_key": "openai-1",
    "provider_api_key": "sk-1",
    "trace_id": "trace-1",
    "metadata": {"_user": "é", "_environment": "test"},
    "cache_namespace": "c-1",
}
CLIENT = {
    "api_key": "pk-1",
    "virtual_key": "openai-1",
    "Authorization": "sk-1",
    "trace_id": "trace-1",
    "metadata": {"_user": "é", "_environment": "test"},
    "cache_namespace": "c-1",
}
#: Headers that only one of both sends: which SDK it is, and the row's place in the trace.
ONLY_ONE = {
    "x-portkey-package-version",
    "x-portkey-runtime",
    "x-portkey-runtime-version",
    "x-portkey-span-id",
}
#: Metadata that we add to the engine's.
ADDED = {"_source": "portkey_handler", "_model": "portkey_model"}

Call = Callable[[portkey_ai.Portkey], Any]


def asked_by(provider: OfflineProvider, ask: Callable[[], object]) -> RecordedRequest:
    """Give the one request that asking sends."""
    provider.requests.clear()
    ask()
    (request,) = provider.requests
    return request


def sdk(provider: OfflineProvider, call: Call) -> RecordedRequest:
    """Give the request that the SDK's client sends."""
    client = portkey_ai.Portkey(base_url=provider.base_url, **CLIENT)
    try:
        return asked_by(provider, lambda: call(client))
    finally:
        client.openai_client.close()
        client._client.close()


def ours(provider: OfflineProvider, using: dict[str, Any], cells: dict[str, Any]) -> RecordedRequest:
    """Give the request that SELECT sends."""
    return asked_by(provider, lambda: predict(provider, cells, using, engine=ENGINE))


def exact(value: Any) -> Any:
    """Write JSON so that 1 and 1.0, and true and 1, are not the same."""
    return json.dumps(value, sort_keys=True)


def headers(request: RecordedRequest) -> dict[str, Any]:
    """Give the headers that gateway and provider read, metadata as an object without what we add."""
    named = {
        name: text
        for name, text in request.headers.items()
        if (name.startswith("x-portkey-") and name not in ONLY_ONE) or name == "authorization"
    }
    metadata = json.loads(named.pop("x-portkey-metadata"))
    left = {name: value for name, value in metadata.items() if name not in ADDED}
    return {**named, "metadata": left, "content-type": request.headers["content-type"]}


def assert_same(one: RecordedRequest, other: RecordedRequest) -> None:
    """Path, body with the types of its numbers, and headers are equal."""
    assert (one.method, one.path) == (other.method, other.path)
    assert exact(one.body) == exact(other.body)
    assert headers(one) == headers(other)
