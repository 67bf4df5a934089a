"""The endpoints that judge texts: moderations in OpenAI's format, rerank in Cohere's.

Sources: https://platform.openai.com/docs/api-reference/moderations and
https://docs.cohere.com/reference/rerank.
"""

from __future__ import annotations

from typing import Any

from .answers import digest, relevance, text_of
from .refusal import Refusal

#: Says that there is no model, in answers without a text of their own.
_NO_MODEL = "offline-stand-in"
_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")


def moderations(body: dict[str, Any]) -> dict[str, Any]:
    """Return a moderation that flags nothing, because there is no model."""
    inputs = body.get("input")
    if isinstance(inputs, str) or _is_parts(inputs):
        inputs = [inputs]  # one text, or one input of several parts
    if not isinstance(inputs, list) or not inputs or not all(inputs):
        raise Refusal(400, "'$.input' is invalid: a text or a list of texts, none of them empty.")
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0),
    }
    texts = "\n".join(map(text_of, inputs))
    return {"id": f"modr-{digest(texts)}", "model": _NO_MODEL, "results": [result] * len(inputs)}


def rerank(body: dict[str, Any]) -> dict[str, Any]:
    """Return the texts in order of the words that they have in common with the query."""
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str) or not query:
        raise Refusal(400, "invalid request: query must be a text that is not empty")
    if not isinstance(documents, list) or not documents or not all(isinstance(one, str) for one in documents):
        raise Refusal(400, "invalid request: documents must be a list of texts")
    most = body.get("top_n")
    if most is not None and (type(most) is not int or most < 1):
        raise Refusal(400, "invalid request: top_n must be a whole number above 0")
    scores = [relevance(query, document) for document in documents]
    best = sorted(range(len(scores)), key=lambda index: -scores[index])[:most]
    return {
        "id": digest("\n".join([query, *documents])),
        "results": [{"index": index, "relevance_score": scores[index]} for index in best],
        "meta": {
            "billed_units": {"search_units": 1},
            "warnings": [f"{_NO_MODEL}: words in common, no model"],
        },
    }


def _is_parts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)
