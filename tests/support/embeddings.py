"""What the tests of embeddings share: what was sent, what comes back, what is refused."""

from __future__ import annotations

from typing import Any

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, embedding

from .predicting import bodies

USING = {"mode": "embedding", "model": "text-embedding-3-small"}


def inputs(provider: OfflineProvider) -> list[list[str]]:
    """Give the inputs of each request."""
    return [body["input"] for body in bodies(provider)]


def vector_of(text: str, dimensions: int = 8) -> list[float]:
    """Give the stand-in's vector."""
    return embedding(text, dimensions).tolist()


def reply(vectors: list[Any], **further: Any) -> dict[str, Any]:
    """Give a reply as OpenAI writes it."""
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)]
    return {"object": "list", "data": data, **further}


def refusing(*bad: str, status: int = 400) -> Any:
    """Give faults: a request that has one of these inputs is refused as a whole."""

    def fault(request: RecordedRequest) -> Fault | None:
        return Fault(status=status) if set(bad).intersection(request.body["input"]) else None

    return fault
