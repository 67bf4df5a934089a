"""The sections of a comparison of models, each over all its recorded runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..formatting import dollars
from ..query_usage import LatencyHistogram
from .charts import BAD, CATEGORIES, horizontal_bars, lines
from .html import figure, paragraph, table
from .sections import Section
from .selection import Chosen

_MOST_REASONS = 40
_TOKENS = ("prompt_tokens", "completion_tokens")
_QUANTILES = (0.5, 0.95, 0.99)


def lead(models: Sequence[Chosen]) -> str:
    """Return in a sentence or two how the models compare."""
    said = []
    for one in models:
        parts = [f"answered {_percent(one, 'answered'):.1f} % of {one.total('rows'):,} rows"]
        price, half = _cost_per_thousand(one), one.latencies.quantile(0.5)
        if price is not None:
            parts.append(f"{dollars(price)} per 1,000 new answers")
        if half is not None:
            parts.append(f"half of them within {half:,.0f} ms")
        said.append(f"{one.name} {', '.join(parts)}")
    return f"{'; '.join(said)}. Each has all its recorded runs, which may have been about other rows."


def _figures(models: Sequence[Chosen]) -> Section:
    rows = [
        ("Runs", *(len(one.runs) for one in models)),
        *_totals(models, ("Rows", "rows"), ("Answered", "answered")),
        ("Answered, % of the rows", *(round(_percent(one, "answered"), 1) for one in models)),
        *_totals(models, ("Failed", "failed")),
        ("Failed, % of the rows", *(round(_percent(one, "failed"), 1) for one in models)),
        *_totals(models, ("Served from the answer cache", "kept"), ("Cut off by max_tokens", "cut_off")),
        *_totals(models, ("Requests", "requests")),
        ("New answers", *map(_answers, models)),
        *_totals(models, ("Prompt tokens", "prompt_tokens"), ("Completion tokens", "completion_tokens")),
        (
            "Tokens per new answer",
            *(_per_answer(one, "prompt_tokens", "completion_tokens") for one in models),
        ),
        ("Cost in US dollars", *map(_cost, models)),
        ("US dollars per 1,000 new answers", *map(_cost_per_thousand, models)),
        ("Answers without a known price", *(one.total("unpriced") for one in models)),
        *((f"{share:.0%} within, milliseconds", *_within(models, share)) for share in _QUANTILES),
        ("Seconds", *(round(one.total("seconds"), 1) for one in models)),
    ]
    head = ("What", *(one.name for one in models))
    return "figures", "Side by side", [table("figures-table", "The figures of the models", head, rows)]


def _costs(models: Sequence[Chosen]) -> Section:
    anchor, title = "cost", "Cost and tokens"
    names = [one.name for one in models]
    tokens = {
        "prompt": [_per_answer(one, "prompt_tokens") or 0.0 for one in models],
        "completion": [_per_answer(one, "completion_tokens") or 0.0 for one in models],
    }
    said = "Tokens per new answer: " + "; ".join(
        f"{name} {prompt:,.0f} of the prompt and {answer:,.0f} of the answer"
        for name, prompt, answer in zip(names, *tokens.values(), strict=True)
    )
    parts = [figure(horizontal_bars(names, tokens, said, "tokens per new answer"), said)]
    costs = {name: _cost_per_thousand(one) for name, one in zip(names, models, strict=True)}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    if not known:
        return anchor, title, [*parts, paragraph("No answer has a known price.")]
    priced = "US dollars per 1,000 new answers: " + "; ".join(
        f"{name} {'not known' if cost is None else dollars(cost)}" for name, cost in costs.items()
    )
    unit = "US dollars per 1,000 new answers"
    drawn = horizontal_bars([*known], {unit: [*known.values()]}, priced, unit)
    return anchor, title, [figure(drawn, priced), *parts]


def _latencies(models: Sequence[Chosen]) -> Section:
    anchor, title = "latency", "Latency"
    found = {one.name: one.latencies for one in models if one.latencies.counts}
    if not found:
        return anchor, title, [paragraph("No requests were sent, so there are no latencies.")]
    said = "Milliseconds until a row was done, waiting and retries included: " + "; ".join(
        f"{name} half within {one.quantile(0.5):,.0f} ms, 95 % within {one.quantile(0.95):,.0f} ms"
        for name, one in found.items()
    )
    curves = {name: _curve(latencies) for name, latencies in found.items()}
    drawn = lines(curves, said, "milliseconds", "% of the rows", colours=CATEGORIES)
    head = ("Share of the rows", *found)
    shares = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
    rows = [
        (f"{share:.0%}", *(round(latencies.quantile(share) or 0) for latencies in found.values()))
        for share in shares
    ]
    listed = table("latency-table", "Milliseconds within which a share of the rows was done", head, rows)
    return anchor, title, [figure(drawn, said), listed]


def _failures(models: Sequence[Chosen]) -> Section:
    anchor, title = "errors", "Failures"
    reasons = [Counter(dict(one.reasons)) for one in models]
    total: Counter[str] = sum(reasons, Counter())
    if not total:
        return anchor, title, [paragraph("No row failed.")]
    names = [one.name for one in models]
    shares = [_percent(one, "failed") for one in models]
    percent = "% of the rows"
    said = "Failed rows: " + "; ".join(
        f"{name} {share:.1f} {percent}" for name, share in zip(names, shares, strict=True)
    )
    drawn = figure(horizontal_bars(names, {percent: shares}, said, percent, colours=[BAD]), said)
    listed = [(reason, *(one[reason] for one in reasons)) for reason, _ in total.most_common(_MOST_REASONS)]
    left_out = len(total) - len(listed)
    caption = "Distinct rows that failed, by reason"
    caption += f"; {left_out:,} others are left out" if left_out else ""
    return anchor, title, [drawn, table("errors-table", caption, ("Reason", *names), listed)]


def _answering(models: Sequence[Chosen]) -> Section:
    anchor, title = "models", "Models that answered"
    head = ("Model in SQL", "Answered by", "Answers", "Prompt tokens", "Completion tokens", "US dollars")
    rows = [
        (
            *(one.name, name or "(not reported)", use.answers, use.prompt_tokens, use.completion_tokens),
            None if use.unpriced and not use.cost else use.cost,
        )
        for one in models
        for name, use in one.models.items()
    ]
    if not rows:
        return anchor, title, [paragraph("No model answered, so no tokens were used.")]
    return anchor, title, [table("models-table", "Usage by model that answered", head, rows)]


#: All sections of a comparison, in the order of the page.
SECTIONS: tuple[Callable[[Sequence[Chosen]], Section], ...] = (
    _figures,
    _costs,
    _latencies,
    _failures,
    _answering,
)


def _totals(models: Sequence[Chosen], *named: tuple[str, str]) -> list[tuple[str | int | float, ...]]:
    return [(title, *(one.total(name) for one in models)) for title, name in named]


def _answers(one: Chosen) -> int:
    """Return the number of new answers: not from the answer cache, and of equal rows one."""
    return sum(use.answers for use in one.models.values())


def _per_answer(one: Chosen, *names: str) -> float | None:
    answers = _answers(one)
    return round(sum(one.total(name) for name in names) / answers, 1) if answers else None


def _percent(one: Chosen, name: str) -> float:
    rows = one.total("rows")
    return 100 * one.total(name) / rows if rows else 0.0


def _cost(one: Chosen) -> float | None:
    return None if one.total("unpriced") and not one.total("cost") else one.total("cost")


def _cost_per_thousand(one: Chosen) -> float | None:
    """Return US dollars per 1,000 new answers with a known price; None if there are none."""
    priced = _answers(one) - one.total("unpriced")
    return 1000 * one.total("cost") / priced if priced > 0 else None


def _within(models: Sequence[Chosen], share: float) -> list[int | None]:
    found = [one.latencies.quantile(share) for one in models]
    return [None if milliseconds is None else round(milliseconds) for milliseconds in found]


def _curve(latencies: LatencyHistogram) -> list[tuple[float, float]]:
    """Return the share of the rows, in percent, that was done within each time."""
    total, done = latencies.counts.total(), 0
    points = [(0.0, 0.0)]
    for step in sorted(latencies.counts):
        done += latencies.counts[step]
        points.append((latencies.milliseconds(step), 100 * done / total))
    return points
