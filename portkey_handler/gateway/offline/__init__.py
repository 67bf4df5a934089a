"""A stand-in provider for the demo and the tests: OpenAI's wire format on loopback, no language model.

Answers are functions of the request alone, and say that no model wrote them::

    with OfflineProvider() as provider:
        provider.base_url  # http://127.0.0.1:PORT/v1

It answers as OpenAI does (chat, completions, embeddings, moderations, responses, models), as Anthropic does
(messages), as Cohere does (rerank), and as the hosted Portkey gateway does for its prompts. What goes wrong
is said by a `Behaviour`, which may be changed while it runs; what came in stands in
`OfflineProvider.requests`. Streams are not spoken.
"""

from __future__ import annotations

from .answers import embedding, last_text, stand_in_answer
from .behaviour import Behaviour, Fault, RecordedRequest
from .server import OfflineProvider

__all__ = [
    "Behaviour",
    "Fault",
    "OfflineProvider",
    "RecordedRequest",
    "embedding",
    "last_text",
    "stand_in_answer",
]
