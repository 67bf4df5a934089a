"""A stand-in provider for the demo and the tests: OpenAI's wire format on loopback, no language model.

Answers depend only on the request, and say that no model wrote them::

    with OfflineProvider() as provider:
        provider.base_url  # http://127.0.0.1:PORT/v1

It answers like OpenAI (chat, completions, embeddings, moderations, responses, models), like Anthropic
(messages), like Cohere (rerank), and like the hosted Portkey gateway for saved prompts. It has OpenAI's files
and batches. It does not stream.
A `Behaviour` sets the faults and may be changed while the server runs. `OfflineProvider.requests` has the
requests that were received.
"""

from __future__ import annotations

from .answers import embedding, last_text, stand_in_answer
from .behaviour import BatchBehaviour, Behaviour, Fault, RecordedRequest
from .server import OfflineProvider

__all__ = [
    "BatchBehaviour",
    "Behaviour",
    "Fault",
    "OfflineProvider",
    "RecordedRequest",
    "embedding",
    "last_text",
    "stand_in_answer",
]
