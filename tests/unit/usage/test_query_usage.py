"""The account of a query: what it used, how it went, bounded whatever the rows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from portkey_handler.records import Evidence, Outcome
from portkey_handler.usage.prices import cost, cost_of
from portkey_handler.usage.query_usage import LatencyHistogram, QueryUsage


def answered(**evidence: Any) -> Outcome:
    """Make an answer that cost 3 dollars."""
    told = {
        "model": "m",
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "latency_ms": 10,
        "cost": 3.0,
        **evidence,
    }
    return Outcome("x", None, Evidence(status=200, **told))


def failed(reason: str, **evidence: Any) -> Outcome:
    """Make a failure."""
    return Outcome(None, reason, Evidence(**evidence), failed=True)


def test_what_was_used_is_summed_up_by_model() -> None:
    """Tokens, dollars and answers, and how many of them have no known price."""
    book = QueryUsage()
    for row, model in enumerate(["m", "m", "unknown"]):
        book.note(row, answered(model=model, cached_tokens=1, cost=None if model == "unknown" else 3.0))
    assert (book.settled, book.asked, book.failed) == (3, 3, 0)
    assert (book.prompt_tokens, book.completion_tokens, book.tokens) == (9, 6, 15)
    assert (book.cost, book.unpriced) == (6.0, 1)
    assert {name: use.answers for name, use in book.models.items()} == {"m": 2, "unknown": 1}
    assert sum(use.cached_tokens for use in book.models.values()) == 3


def test_kept_answers_use_nothing() -> None:
    """They were paid by an earlier query, and say what they cost then."""
    book = QueryUsage()
    book.note(0, answered(kept_from=1.0, cost=3.0))
    assert (book.kept, book.asked, book.tokens, book.cost) == (1, 0, 0, 0.0)


@pytest.mark.parametrize("status", ["HIT", "SEMANTIC HIT"])
def test_answers_from_the_gateways_cache_cost_nothing(status: str) -> None:
    """Nothing was sent to the provider, though the response has the tokens of the earlier answer."""
    book = QueryUsage()
    evidence = Evidence(model="gpt-4o-mini", prompt_tokens=3, completion_tokens=2, cache_status=status)
    assert cost_of(evidence) == 0.0
    book.note(0, Outcome("x", evidence=evidence._replace(cost=0.0)))
    assert (book.gateway_hits, book.asked, book.tokens, book.cost) == (1, 1, None, 0.0)


def test_failures_are_counted_by_reason_and_the_last_ones_kept() -> None:
    """A hundred of them, whatever the rows; reasons beyond a hundred are counted together."""
    book = QueryUsage()
    for row in range(300):
        book.note(row, failed(f"reason {row}", status=400, trace_id="t", span_id=f"s{row}"))
    assert (book.failed, book.settled) == (300, 300)
    assert len(book.reasons) <= 101
    assert book.reasons.total() == 300
    assert [one.row for one in book.failures] == list(range(200, 300))
    assert (book.failures[-1].status, book.failures[-1].span_id) == (400, "s299")


def test_long_reasons_are_cut() -> None:
    """A provider that sends a page of text does not fill the account."""
    book = QueryUsage()
    book.note(0, failed("x" * 5000))
    assert len(next(iter(book.reasons))) == len(book.failures[0].reason) == 200


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        ({"status": 429, "attempts": 6}, "status 429"),
        ({"status": 200, "attempts": 1}, "an answer that is of no use"),
        ({"attempts": 3}, "no answer"),
        ({"attempts": 0}, "not asked"),
        ({"status": 503, "attempts": 0}, "not asked"),
    ],
)
def test_a_kind_stands_in_the_place_of_a_reason_that_is_not_kept(evidence: dict[str, int], kind: str) -> None:
    """The progress has the reasons; what is written to disk has kinds, beside status and ids."""
    book = QueryUsage(keeps_reasons=False)
    for row in range(2):
        book.note(row, failed(f"it said {row}", **evidence))
    assert book.reasons == {"it said 0": 1, "it said 1": 1}
    assert book.kinds == {kind: 2}
    assert [one.reason for one in book.failures] == [kind, kind]
    assert book.failures[0].status == evidence.get("status")


def test_the_slowest_twenty_are_those() -> None:
    """Whatever the order in which they come."""
    book = QueryUsage()
    latencies = random.Random(5).sample(range(100_000), 500)  # noqa: S311 - no secret
    for row, latency in enumerate(latencies):
        book.note(row, answered(model="m", latency_ms=latency))
    slowest = sorted(((latency, row) for row, latency in enumerate(latencies)), reverse=True)[:20]
    assert sorted(book.slowest, reverse=True) == slowest
    assert book.latencies.counts.total() == 500


def test_many_models_and_reasons_are_a_hundred_and_the_rest() -> None:
    """A provider that names another model in every reply fills no memory."""
    book = QueryUsage()
    for row in range(1000):
        book.note(row, answered(model=f"{row:04}{'m' * 500}", prompt_tokens=1))
        book.note(row, Outcome(None, f"reason {row}", Evidence(status=400), failed=True))
    assert len(book.models) == 101
    assert max(map(len, book.models)) == 200
    assert book.prompt_tokens == 1000
    assert len(book.reasons) == 101
    assert book.reasons.total() == book.failed == 1000
    assert len(book.failures) == 100


def test_moments_are_few_and_even() -> None:
    """Of a query of an hour as of one of a second; the last one is near the end."""
    now = 0.0
    book = QueryUsage(clock=lambda: now)
    for row in range(36_000):
        now += 0.1
        book.note(row, answered(model="m"))
    assert 100 <= len(book.moments) <= 240
    gaps = [b.seconds - a.seconds for a, b in zip(book.moments, book.moments[1:], strict=False)]
    assert max(gaps) < 2.5 * min(gaps)
    assert book.moments[-1].seconds > 3500


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99, 1.0])
def test_quantiles_are_five_percent_off_at_most(share: float) -> None:
    """From a millisecond to hours."""
    for low, high in ((1, 10), (50, 500), (10_000, 10_000_000)):
        values = sorted(random.Random(low).uniform(low, high) for _ in range(999))  # noqa: S311 - no secret
        latencies = LatencyHistogram()
        for value in values:
            latencies.add(value)
        exact = values[min(998, int(share * 999))]
        assert latencies.quantile(share) == pytest.approx(exact, rel=0.06)


# Prices


def test_prices_are_those_of_the_list() -> None:
    """gpt-4o-mini is 0.15 and 0.60 dollars a million; what the provider had in its cache is half."""
    assert cost("gpt-4o-mini", "openai", 1_000_000 // 20, 0) == pytest.approx(0.15 / 20)
    assert cost("gpt-4o-mini", "openai", 0, 1000) == pytest.approx(0.0006)
    assert cost("gpt-4o-mini", "openai", 1000, 0, 1000) == pytest.approx(0.000075)


def test_a_dated_name_has_the_price_of_its_model() -> None:
    """Providers answer with the full name."""
    assert cost("gpt-4o-mini-2024-07-18", "openai", 1000, 10) == cost("gpt-4o-mini", "openai", 1000, 10)


def test_a_provider_that_the_list_does_not_have_has_no_price() -> None:
    """A model on one's own machine is not charged, whatever it is called."""
    assert cost("gpt-4o-mini", "ollama", 1000, 10) is None
    assert cost("a-model-of-mine", None, 1000, 10) is None


def test_long_requests_are_priced_exactly() -> None:
    """Some models charge more for each token beyond a limit."""
    little, much = cost("gemini-1.5-pro", "google", 1000, 0), cost("gemini-1.5-pro", "google", 200_000, 0)
    assert little is not None
    assert much is not None
    assert much > 200 * little


def test_an_answer_without_tokens_has_no_price() -> None:
    """What is not told is not guessed."""
    assert cost_of(Evidence(model="gpt-4o-mini", provider="openai")) is None
    assert cost_of(Evidence(prompt_tokens=3)) is None


@pytest.mark.parametrize("cached", [None, 0, 40])
@pytest.mark.parametrize("asked", [0, 100, 250_000])
@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-1.5-pro", "nobody's"])
def test_a_row_costs_what_the_price_list_says(model: str, asked: int, cached: int | None) -> None:
    """The way that is short for the many rows is the same as the long one."""
    evidence = Evidence(model=model, prompt_tokens=asked, completion_tokens=7, cached_tokens=cached)
    expected = cost(model, None, asked, 7, cached or 0)
    assert cost_of(evidence) == (None if expected is None else pytest.approx(expected))
