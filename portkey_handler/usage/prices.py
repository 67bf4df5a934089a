"""Prices of answers in US dollars, by a price list that comes with its library and needs no network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..records import Evidence

#: The gateway's names of providers where the price list has others.
_PROVIDERS = {
    "azure-ai": "azure",
    "azure-openai": "azure",
    "bedrock": "aws",
    "cohere": "cohere",
    "fireworks-ai": "fireworks",
    "mistral-ai": "mistral",
    "perplexity-ai": "perplexity",
    "together-ai": "together",
    "vertex-ai": "google",
    "x-ai": "x-ai",
}
#: What the gateway says of an answer from its cache.
GATEWAY_HITS = frozenset({"HIT", "SEMANTIC HIT"})
#: Requests with more tokens than this have another price per token at some models.
_TIERS_BEGIN = 100_000
_SAMPLE = 1_000


def load() -> None:
    """Load the price list, which takes a tenth of a second, before the first row needs a price."""
    _calculator()


def cost_of(evidence: Evidence) -> float | None:
    """Return the cost of an answer, or None where its tokens or the price of its model are not known."""
    if evidence.cache_status in GATEWAY_HITS:
        return 0.0  # the response has the tokens of an earlier one, and nothing was sent to the provider
    model, asked = evidence.model, evidence.prompt_tokens
    if model is None or asked is None:
        return None
    if asked > _TIERS_BEGIN or evidence.cached_tokens:
        answered, cached = evidence.completion_tokens or 0, evidence.cached_tokens or 0
        return cost(model, evidence.provider, asked, answered, cached)
    # The same as `cost`, without the call, because this runs for every row.
    rates = _rates(model, evidence.provider)
    return None if rates is None else asked * rates[0] + (evidence.completion_tokens or 0) * rates[1]


def cost(
    model: str, provider: str | None, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0
) -> float | None:
    """Return the price of a request in US dollars, or None where the price list does not have the model.

    Args:
        model: The model, as the provider names it.
        provider: The provider's name at the gateway; None searches all providers for the model.
        prompt_tokens: Tokens of the request, cached ones included.
        completion_tokens: Tokens of the answer.
        cached_tokens: Tokens of the request that the provider had in its cache.
    """
    if prompt_tokens > _TIERS_BEGIN:
        return _exactly(model, provider, prompt_tokens, completion_tokens, cached_tokens)
    rates = _rates(model, provider)
    if rates is None:
        return None
    prompt, completion, cached = rates
    return (prompt_tokens - cached_tokens) * prompt + cached_tokens * cached + completion_tokens * completion


@cache
def _rates(model: str, provider: str | None) -> tuple[float, float, float] | None:
    """Return the prices of a token of the prompt, the answer and the cache. Cached: the list is slow."""
    found = [
        _exactly(model, provider, *tokens)
        for tokens in ((_SAMPLE, 0, 0), (0, _SAMPLE, 0), (_SAMPLE, 0, _SAMPLE))
    ]
    prompt, completion, cached = (None if one is None else one / _SAMPLE for one in found)
    if prompt is None:
        return None
    # Embeddings have no answer, and of some models no price of cached tokens is known.
    return prompt, completion or 0.0, prompt if cached is None else cached


def _exactly(
    model: str, provider: str | None, prompt_tokens: int, completion_tokens: int, cached_tokens: int
) -> float | None:
    calculate = _calculator()
    try:
        return calculate(
            model, _PROVIDERS.get(provider or "", provider), prompt_tokens, completion_tokens, cached_tokens
        )
    except LookupError:
        return None


@cache
def _calculator() -> Callable[[str, str | None, int, int, int], float]:
    # Late: the price list takes a tenth of a second to load.
    from genai_prices import Usage, calc_price

    def calculate(
        model: str, provider: str | None, prompt_tokens: int, completion_tokens: int, cached_tokens: int
    ) -> float:
        usage = Usage(
            input_tokens=prompt_tokens, output_tokens=completion_tokens, cache_read_tokens=cached_tokens
        )
        return float(calc_price(usage, model, provider_id=provider).total_price)

    return calculate
