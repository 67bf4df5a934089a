"""Prices of answers in US dollars, from the price list of genai-prices, which needs no network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..records import Evidence

#: The gateway's names of providers, where the price list uses another name.
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
#: The `cache_status` of an answer from the gateway's cache.
GATEWAY_HITS = frozenset({"HIT", "SEMANTIC HIT"})
#: Above this number of prompt tokens, some models have another price per token.
_TIERS_BEGIN = 100_000
_SAMPLE = 1_000


def load() -> None:
    """Load the price list, which takes a tenth of a second, before the first row needs a price."""
    _calculator()


def cost_of(evidence: Evidence) -> float | None:
    """Return the cost of an answer, or None if its tokens or the price of its model are not known."""
    if evidence.cache_status in GATEWAY_HITS:
        return 0.0  # the response repeats the tokens of an earlier one; the provider got no request
    model, asked = evidence.model, evidence.prompt_tokens
    if model is None or asked is None:
        return None
    if asked > _TIERS_BEGIN or evidence.cached_tokens:
        answered, cached = evidence.completion_tokens or 0, evidence.cached_tokens or 0
        return cost(model, evidence.provider, asked, answered, cached)
    # Inlined from `cost`, because this runs for every row.
    rates = _rates(model, evidence.provider)
    return None if rates is None else asked * rates[0] + (evidence.completion_tokens or 0) * rates[1]


def cost(
    model: str, provider: str | None, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0
) -> float | None:
    """Return the price of a request in US dollars, or None if the price list does not have the model.

    Args:
        model: The provider's name of the model.
        provider: The provider's name at the gateway; None searches all providers for the model.
        prompt_tokens: Tokens of the request, cached ones included.
        completion_tokens: Tokens of the answer.
        cached_tokens: Prompt tokens that the provider had in its cache.
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
    """Return the prices of a prompt token, an answer token and a cached token. Cached: the list is slow."""
    found = [
        _exactly(model, provider, *tokens)
        for tokens in ((_SAMPLE, 0, 0), (0, _SAMPLE, 0), (_SAMPLE, 0, _SAMPLE))
    ]
    prompt, completion, cached = (None if one is None else one / _SAMPLE for one in found)
    if prompt is None:
        return None
    # Embeddings have no answer tokens, and some models have no known price for cached tokens.
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
