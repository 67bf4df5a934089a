"""Prices of answers in US dollars: of the option `price`, else of genai-prices, which needs no network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..records import Evidence

if TYPE_CHECKING:
    from ..options import Plan

#: The gateway's names of providers, where the price list uses another name.
_PROVIDERS = {
    "azure-ai": "azure",
    "azure-openai": "azure",
    "bedrock": "aws",
    "fireworks-ai": "fireworks",
    "gemini": "google",
    "mistral-ai": "mistral",
    "perplexity-ai": "perplexity",
    "together-ai": "together",
    "vertex-ai": "google",
}
#: The `cache_status` of an answer from the gateway's cache.
GATEWAY_HITS = frozenset({"HIT", "SEMANTIC HIT"})
#: Above this number of prompt tokens, some models have another price per token.
_TIERS_BEGIN = 100_000
_SAMPLE = 1_000
_MILLION = 1_000_000
#: Service tiers with a price of their own, where the provider is not one of those that charge the same.
_SPECIAL_TIERS = frozenset({"flex", "priority", "batch"})
_ONE_PRICE = frozenset({"groq"})
#: What stands for the price of a batch; where the list does not have it, it is half of the ordinary one.
BATCH = "batch"
_BATCH_SHARE = 0.5

_SLUG = re.compile(r"@[^/]+/(.+)")
_PATH = re.compile(r"(?:.*/)?models/(.+)")
#: Amazon's names: a region or none, the vendor, the model.
_AMAZON = re.compile(
    r"((?:us|eu|apac|global|us-gov|au|jp|ca)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21)\..+"
)
#: Ollama's names, with the size of a model or a tag.
_LOCAL = re.compile(r"^[^:/]+:(?:\d+(?:\.\d+)?[bm]\b|latest\b|[^:]*-q\d)", re.IGNORECASE)
_DATE = re.compile(r"(?:[-@]20\d\d-?\d\d-?\d\d|-latest)$")


#: The fields of evidence that `Tokens` has, in its order.
_COUNTED = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")


class Tokens(NamedTuple):
    """The tokens of a request's prompt, of its answer, and of the prompt read from or written to a cache."""

    prompt: int
    completion: int
    cached: int
    written: int = 0


class Rates(NamedTuple):
    """US dollars of one token of the prompt, of the answer, and of a prompt read from or written to a cache.

    Some models have a fee for each request beside.
    """

    prompt: float
    completion: float
    cached: float
    written: float
    request: float = 0.0

    def price(self, tokens: Tokens) -> float:
        """Return the price of a request in US dollars."""
        cached = min(tokens.cached, tokens.prompt)
        written = min(tokens.written, tokens.prompt - cached)
        beside = tokens.prompt - cached - written
        prompt = beside * self.prompt + cached * self.cached + written * self.written
        return prompt + tokens.completion * self.completion + self.request


def given_rates(plan: Plan, *, is_free: bool) -> Rates | None:
    """Return the prices of the option `price`; without it none where the model costs nothing, else None."""
    price = plan.execution.price
    if price is None:
        return Rates(0.0, 0.0, 0.0, 0.0) if is_free else None
    dollars = price.value
    prompt = dollars.get("input", 0.0)
    read, written = dollars.get("cached_input", prompt), dollars.get("cache_write", prompt)
    rates = (prompt, dollars.get("output", 0.0), read, written)
    return Rates(*(rate / _MILLION for rate in rates))


def load() -> None:
    """Load the price list, which takes a tenth of a second, before the first row needs a price."""
    _calculator()


def cost_of(evidence: Evidence, given: Rates | None = None) -> float | None:
    """Return the cost of an answer, or None if its tokens or the price of its model are not known.

    Args:
        evidence: The evidence of the answer.
        given: The prices of the option `price`, or None.
    """
    if evidence.cache_status in GATEWAY_HITS:
        return 0.0  # the response repeats the tokens of an earlier one; the provider got no request
    if evidence.prompt_tokens is None:
        return None
    tokens = Tokens(*(getattr(evidence, name) or 0 for name in _COUNTED))
    if evidence.batch is None:
        return _price(evidence.model, evidence.provider, evidence.service_tier, tokens, given)
    in_batch = Tokens(*(evidence.batch.get(name) or 0 for name in _COUNTED))
    cost_in_batch = _price(evidence.model, evidence.provider, BATCH, in_batch, given)
    rest = Tokens(*(max(0, all_of_it - part) for all_of_it, part in zip(tokens, in_batch, strict=True)))
    if cost_in_batch is None or not any(rest):
        return cost_in_batch
    # A repair was sent by itself.
    cost_of_rest = _price(evidence.model, evidence.provider, evidence.service_tier, rest, given)
    return None if cost_of_rest is None else cost_in_batch + cost_of_rest


def cost(
    model: str | None,
    provider: str | None,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    *,
    tier: str | None = None,
    given: Rates | None = None,
) -> float | None:
    """Return the price of a request in US dollars, or None if the price list does not have the model.

    Args:
        model: The provider's name of the model; None where only the gateway knows it.
        provider: The provider's name at the gateway; None searches all providers for the model.
        prompt_tokens: Tokens of the request, cached ones included.
        completion_tokens: Tokens of the answer.
        cached_tokens: Prompt tokens that the provider had in its cache.
        tier: The service tier, such as flex, or None.
        given: The prices of the option `price`, or None.
    """
    return _price(model, provider, tier, Tokens(prompt_tokens, completion_tokens, cached_tokens), given)


def _price(
    model: str | None, provider: str | None, tier: str | None, tokens: Tokens, given: Rates | None
) -> float | None:
    if tier == BATCH:
        found = None if given is not None else _listed_price(model, provider, tier, tokens)
        ordinary = _price(model, provider, None, tokens, given) if found is None else None
        return found if ordinary is None else ordinary * _BATCH_SHARE
    if given is not None:
        return given.price(tokens)
    return _listed_price(model, provider, tier, tokens)


def _listed_price(model: str | None, provider: str | None, tier: str | None, tokens: Tokens) -> float | None:
    if model is None:
        return None
    if tokens.prompt > _TIERS_BEGIN:
        return _listed(model, provider, tier, tokens)
    rates = _rates(model, provider, tier)
    return None if rates is None else rates.price(tokens)


@lru_cache(1024)
def _rates(model: str, provider: str | None, tier: str | None) -> Rates | None:
    """Return the prices of a model. Cached, because the list is slow."""
    found = [
        _listed(model, provider, tier, tokens)
        for tokens in (
            Tokens(_SAMPLE, 0, 0),
            Tokens(0, _SAMPLE, 0),
            Tokens(_SAMPLE, 0, _SAMPLE),
            Tokens(_SAMPLE, 0, 0, _SAMPLE),
        )
    ]
    fee = _listed(model, provider, tier, Tokens(0, 0, 0)) or 0.0
    prompt, completion, cached, written = (None if one is None else (one - fee) / _SAMPLE for one in found)
    if prompt is None:
        return None
    # Embeddings have no answer tokens, and some models have no known price for cached tokens.
    return Rates(
        prompt,
        completion or 0.0,
        prompt if cached is None else cached,
        prompt if written is None else written,
        fee,
    )


def _listed(model: str, provider: str | None, tier: str | None, tokens: Tokens) -> float | None:
    """Return the price of a request by the price list, under the first spelling that it has."""
    if model.endswith(":free"):  # OpenRouter's
        return 0.0
    if provider is None and _LOCAL.search(model) is not None:
        return None
    calculate = _calculator()
    for name, of in dict.fromkeys(_spellings(model, provider)):
        try:
            return calculate(name, of, tier, tokens)
        except LookupError:
            continue
    return None


def _spellings(model: str, provider: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the names under which the price list may have a model, the most exact one first."""
    of = None if provider is None or provider.startswith("@") else _PROVIDERS.get(provider, provider)
    yield model, of
    names = [model]
    if (slug := _SLUG.fullmatch(model)) is not None:  # Portkey's: @integration/model
        names.append(slug[1])
    if (path := _PATH.fullmatch(names[-1])) is not None:  # models/…, accounts/fireworks/models/…
        names.append(path[1])
    prefix, _, rest = names[-1].partition("/")
    own = _PROVIDERS.get(prefix.lower(), prefix.lower())
    known = [(name, of) for name in names]
    if rest and of in (None, own):  # openai/gpt-4o-mini
        known.append((rest, own))
    if of is None and names[-1].startswith(("ft:", "text-embedding-")):
        known.append((names[-1], "openai"))
    if of in (None, "aws") and (amazon := _AMAZON.fullmatch(names[-1])) is not None:
        known += [(names[-1], "aws"), (names[-1].removeprefix(amazon[1] or ""), "aws")]
    yield from known
    yield from ((_DATE.sub("", name), one) for name, one in known)


@cache
def _calculator() -> Callable[[str, str | None, str | None, Tokens], float]:
    # Late: the price list takes a tenth of a second to load.
    import inspect

    from genai_prices import Usage, calc_price

    knows_tiers = "price_context" in inspect.signature(calc_price).parameters  # since 0.2

    def calculate(model: str, provider: str | None, tier: str | None, tokens: Tokens) -> float:
        usage = Usage(
            input_tokens=tokens.prompt,
            output_tokens=tokens.completion,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.written,
        )
        kind = "processing" if tier == BATCH else "service_tier"
        context = {"price_context": {kind: tier}} if tier and knows_tiers else {}
        found = calc_price(usage, model, provider_id=provider, **context)  # type: ignore[call-overload]
        if tier in _SPECIAL_TIERS and found.provider.id not in _ONE_PRICE:
            # The prices by tier of another provider's model do not count for this one.
            own = any(found.model is one for one in found.provider.models)
            variants = (getattr(found.model, "price_variants", None) or ()) if own else ()
            if not any(one.when.get(kind) == tier for one in variants):
                raise LookupError(tier)
        return float(found.total_price)

    return calculate
