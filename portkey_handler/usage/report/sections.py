"""The sections of a report: each has the figures as a table, and most have a chart of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from ..query_usage import LatencyHistogram
from ..run_record import RunRecord, share_of
from .charts import BAD, bars, horizontal_bars, lines
from .html import figure, paragraph, table
from .selection import Chosen

#: Anchor, title, HTML.
Section = tuple[str, str, list[str]]

_MOST_BARS = 60
_MOST_ROWS = 200
_MOST_REASONS_DRAWN = 10
#: Steps of the latency histogram in one bar; its upper bound is √2 times its lower one.
_STEPS_A_BAR = 4
_MOST_LATENCY_BARS = 24


def _figures(chosen: Chosen) -> Section:
    total = chosen.total
    rows = [
        ("Rows", total("rows"), "all rows"),
        ("Answered", total("answered"), "cached ones and copies included"),
        ("Failed", total("failed"), "tried, without an answer"),
        ("Nothing to ask", total("unasked"), "NULL and blank"),
        ("Not asked", sum(map(_not_asked, chosen.runs)), "the query ended before them"),
        ("Cut off", total("cut_off"), "distinct answers, ended by max_tokens"),
        ("Requests", total("requests"), "retries included"),
        ("Prompt tokens", total("prompt_tokens"), "of new requests"),
        ("Completion tokens", total("completion_tokens"), "of new answers"),
        ("Cached tokens", total("cached_tokens"), _cached_share(chosen)),
        (
            "Tokens written to the cache",
            total("cache_write_tokens"),
            "of the provider, where they are priced",
        ),
        ("Cost in US dollars", _cost(chosen), "of answers with a known price"),
        ("Answers without a known price", total("unpriced"), "left out of the cost"),
        ("Seconds", round(total("seconds"), 1), "from the first row to the last"),
    ]
    return "figures", "Figures", [table("figures-table", "The figures", ("What", "Number", "Note"), rows)]


def _over_time(chosen: Chosen) -> Section:
    made = _of_runs(chosen) if chosen.all_of_model else _of_moments(chosen.runs[0])
    return "time", "Rows and failures over time", made


def _of_runs(chosen: Chosen) -> list[str]:
    drawn = list(reversed(chosen.runs[:_MOST_BARS]))
    series = {
        "answered": [run.answered for run in drawn],
        "failed": [run.failed for run in drawn],
        "not asked or nothing to ask": [run.unasked + _not_asked(run) for run in drawn],
    }
    summary = (
        f"Rows of the last {len(drawn):,} runs, oldest first: {sum(series['answered']):,} answered, "
        f"{sum(series['failed']):,} failed."
    )
    labels = [moment(run.started)[5:16] for run in drawn]
    listed = chosen.runs[:_MOST_ROWS]
    head = ("Started", "Seconds", "Rows", "Answered", "Failed", "Kept", "Requests", "Cost", "How it ended")
    rows = [
        (
            *(moment(run.started), round(run.seconds, 2), run.rows, run.answered, run.failed),
            *(run.kept, run.requests, _known_cost(run.cost, run.unpriced), run.ended),
        )
        for run in listed
    ]
    left_out = len(chosen.runs) - len(listed)
    caption = "The runs, newest first" + (f"; {left_out:,} older ones are left out" if left_out else "")
    return [figure(bars(labels, series, summary, "rows"), summary), table("runs-table", caption, head, rows)]


def _of_moments(run: RunRecord) -> list[str]:
    points = [(0.0, 0, 0), *((one.seconds, one.settled, one.failed) for one in run.moments)]
    series = {
        "done": [(seconds, done) for seconds, done, _ in points],
        "failed": [(seconds, failed) for seconds, _, failed in points],
    }
    seconds, done, failed = points[-1]
    summary = f"Distinct rows done over time: {done:,} after {seconds:,.1f} s, {failed:,} of them failed."
    shown = points[:: max(1, len(points) // 20)]
    if shown[-1] != points[-1]:
        shown.append(points[-1])
    head = ("Seconds", "Done", "Failed")
    rows = [(round(at, 2), count, lost) for at, count, lost in shown]
    return [
        figure(lines(series, summary, "seconds", "rows"), summary),
        table("time-table", "Progress (distinct rows)", head, rows),
    ]


def _latencies(chosen: Chosen) -> Section:
    anchor, title = "latency", "Latency"
    found = chosen.latencies
    if not found.counts:
        return anchor, title, [paragraph("No requests were sent, so there are no latencies.")]
    half, most, nearly = (found.quantile(share) or 0 for share in (0.5, 0.95, 0.99))
    summary = (
        f"Milliseconds until a row was done, waiting and retries included: half within {half:,.0f} ms, "
        f"95 % within {most:,.0f} ms, 99 % within {nearly:,.0f} ms."
    )
    labels, counts = _spans(found)
    drawn = figure(bars(labels, {"rows": counts}, summary, "rows"), summary)
    rows = list(zip(labels, counts, strict=True))
    return anchor, title, [drawn, table("latency-table", "Rows by latency", ("Milliseconds", "Rows"), rows)]


def _spans(latencies: LatencyHistogram) -> tuple[list[str], list[int]]:
    """Return the labels and counts of bars over the histogram, empty bars between others included."""
    steps = _STEPS_A_BAR
    first, last = min(latencies.counts), max(latencies.counts)
    while last // steps - first // steps >= _MOST_LATENCY_BARS:
        steps *= 2
    spans = range(first // steps, last // steps + 1)
    counts = dict.fromkeys(spans, 0)
    for step, number in latencies.counts.items():
        counts[step // steps] += number
    bounds = [_bound(latencies.milliseconds(span * steps - 0.5)) for span in (*spans, spans[-1] + 1)]
    labels = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
    return labels, [counts[span] for span in spans]


def _bound(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def _models(chosen: Chosen) -> Section:
    anchor, title = "models", "Tokens and cost by model"
    models = chosen.models
    if not models:
        return anchor, title, [paragraph("No model answered, so no tokens were used.")]
    names = [name or "(not reported)" for name in models]
    tokens = {
        "prompt": [use.prompt_tokens for use in models.values()],
        "completion": [use.completion_tokens for use in models.values()],
    }
    prompt, completion = map(sum, tokens.values())
    summary = f"Tokens by model that answered: {prompt:,} prompt, {completion:,} completion."
    parts = [figure(horizontal_bars(names, tokens, summary, "tokens"), summary)]
    costs = [use.cost for use in models.values()]
    if any(costs):
        priced = f"US dollars by model that answered: {sum(costs):,.4g}, for answers with a known price."
        parts.append(figure(horizontal_bars(names, {"US dollars": costs}, priced, "US dollars"), priced))
    else:
        parts.append(paragraph("No answer has a known price."))
    head = (
        "Model",
        "Answers",
        "Prompt tokens",
        "Completion tokens",
        "Cached tokens",
        "% cached",
        "Written to the cache",
        "US dollars",
        "No price",
    )
    rows = [
        (
            *(name, use.answers, use.prompt_tokens, use.completion_tokens, use.cached_tokens),
            *(_percent(use.cached_tokens, use.prompt_tokens), use.cache_write_tokens),
            *(_known_cost(use.cost, use.unpriced), use.unpriced),
        )
        for name, use in zip(names, models.values(), strict=True)
    ]
    return anchor, title, [*parts, table("models-table", "Usage by model that answered", head, rows)]


def _saved(chosen: Chosen) -> Section:
    total = chosen.total("rows")
    what = {
        "from the answer cache": chosen.total("kept"),
        "equal to another row": chosen.total("copies"),
        "from the gateway's cache": chosen.total("gateway_hits"),
    }
    shares = {name: 100 * number / total if total else 0.0 for name, number in what.items()}
    summary = (
        "Share of the rows that were not paid again (a row can be both cached and equal to another row): "
        + ", ".join(f"{share:.0f} % {name}" for name, share in shares.items())
        + "."
    )
    percent = "% of the rows"
    picture = horizontal_bars(list(shares), {percent: list(shares.values())}, summary, percent, most=100)
    rows = [(name, what[name], round(share, 1)) for name, share in shares.items()]
    head = ("Rows", "Number", "% of all")
    return (
        "saved",
        "Rows not paid again",
        [figure(picture, summary), table("saved-table", "Rows not paid again", head, rows)],
    )


def _errors(chosen: Chosen) -> Section:
    anchor, title = "errors", "Errors by reason"
    reasons = chosen.reasons
    if not reasons:
        return anchor, title, [paragraph("No row failed.")]
    drawn = reasons[:_MOST_REASONS_DRAWN]
    summary = f"Distinct rows that failed, by reason: {sum(number for _, number in reasons):,} in all."
    numbers = {"rows": [number for _, number in drawn]}
    labels = [reason for reason, _ in drawn]
    picture = figure(horizontal_bars(labels, numbers, summary, "rows", colours=[BAD]), summary)
    return anchor, title, [picture, table("errors-table", "Errors by reason", ("Reason", "Rows"), reasons)]


def _slowest(chosen: Chosen) -> Section:
    anchor, title = "slowest", "Slowest rows"
    if not chosen.slowest:
        return anchor, title, [paragraph("No requests were sent.")]
    rows = [
        (f"row {row:,}" if isinstance(row, int) else row, milliseconds, moment(run.started), run.trace_id)
        for run, row, milliseconds in chosen.slowest
    ]
    head = ("Row", "Milliseconds", "Run", "Trace")
    return anchor, title, [table("slowest-table", "The slowest rows", head, rows)]


#: All sections, in the order of the page.
SECTIONS: tuple[Callable[[Chosen], Section], ...] = (
    _figures,
    _over_time,
    _latencies,
    _models,
    _saved,
    _errors,
    _slowest,
)


def _cached_share(chosen: Chosen) -> str:
    percent = _percent(chosen.total("cached_tokens"), chosen.total("prompt_tokens"))
    share = "" if percent is None else f"{percent:g} % of the "
    return f"{share}prompt tokens, which the provider had in its cache"


def _percent(part: float, whole: float) -> float | None:
    share = share_of(part, whole)
    return None if share is None else round(100 * share, 1)


def _not_asked(run: RunRecord) -> int:
    return run.rows - run.answered - run.failed - run.unasked


def _cost(chosen: Chosen) -> float | None:
    return _known_cost(chosen.total("cost"), chosen.total("unpriced"))


def _known_cost(cost: float, unpriced: float) -> float | None:
    return None if unpriced and not cost else cost


def moment(seconds: float) -> str:
    """Return a moment as text, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
