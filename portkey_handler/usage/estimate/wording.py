"""An estimate as text: a table, one line, its price, its basis."""

from __future__ import annotations

from datetime import datetime, timezone

from ..formatting import counted, dollars, duration
from ..prices import BATCH
from .estimator import Estimate


def table(estimate: Estimate) -> list[tuple[str, str]]:
    """Return an estimate as rows of a name and a value."""
    rows = [
        ("made at", datetime.fromtimestamp(estimate.at, timezone.utc).isoformat(timespec="seconds")),
        ("model", estimate.model or "chosen by the gateway"),
        *([] if estimate.planned is None else [("plan", estimate.planned)]),
        ("rows", f"{estimate.rows:,}"),
        ("NULL or blank", f"{estimate.unasked:,}"),
        ("cannot be sent", f"{estimate.unsendable:,}"),
        ("distinct", f"{estimate.distinct:,}"),
        ("kept", f"{estimate.kept:,}"),
        ("requests", f"{estimate.requests:,}"),
        ("prompt tokens", f"about {estimate.prompt_tokens:,}"),
        ("answer tokens", _answer_tokens(estimate)),
        ("cost", price(estimate)),
        ("rests on", basis(estimate)),
        ("time", _time(estimate)),
        ("example", estimate.example or "no row has anything to ask"),
    ]
    return rows if estimate.refused is None else [*rows, ("would be refused", estimate.refused)]


def one_line(estimate: Estimate) -> str:
    """Return the result of a dry run in one line."""
    return f"{estimate.name}: a dry run, nothing was sent: {in_words(estimate)}"


def in_words(estimate: Estimate) -> str:
    """Return what would be asked and what it would cost, in a few words."""
    tokens = estimate.prompt_tokens + estimate.completion_tokens
    parts = [
        f"{estimate.rows:,} rows" if estimate.rows != 1 else "1 row",
        counted(estimate.requests, "request"),
        f"about {counted(tokens, 'token')}",
        f"cost {price(estimate)}",
    ]
    if estimate.planned is not None:
        parts[0] = f"at most {parts[0]}"
        parts.append(estimate.planned)
    if estimate.kept:
        parts.insert(1, f"{estimate.kept:,} answers cached")
    if estimate.refused is not None:
        parts.append(f"would be refused: {estimate.refused}")
    return ", ".join(parts)


def price(estimate: Estimate) -> str:
    """Return the expected cost of a query, and the most that it can cost; with a service tier both prices."""
    ordinary = _ordinary(estimate)
    if estimate.cost is None:
        by = f" by {_way(estimate)}" if ordinary else ""
        return f"not known, because the price of {model_in_words(estimate)}{by} is not{ordinary}"
    if not estimate.requests:
        return "nothing"
    most = "" if estimate.most_cost is None else f", at most {dollars(estimate.most_cost)}"
    return f"about {dollars(estimate.cost)}{most}{ordinary}"


def _ordinary(estimate: Estimate) -> str:
    """Return what a query would cost without its service tier or batches, where that differs."""
    ordinary = estimate.ordinary_cost
    if ordinary is None or ordinary == estimate.cost:
        return ""
    return f" (about {dollars(ordinary)} without {_way(estimate)})"


def _way(estimate: Estimate) -> str:
    """Return the option that chooses the price."""
    return "delivery = 'batch'" if estimate.tier == BATCH else f"service_tier = '{estimate.tier}'"


def _time(estimate: Estimate) -> str:
    if estimate.tier == BATCH and estimate.requests:
        return "within 24 hours"
    return "not known" if estimate.seconds is None else f"about {duration(estimate.seconds)}"


def basis(estimate: Estimate) -> str:
    """Return the basis of an estimate."""
    if not estimate.requests:
        return "nothing to ask"
    made = (
        "every request" if estimate.made == estimate.requests else f"a sample of {estimate.made:,} requests"
    )
    return f"prompts estimated from {made}; {estimate.basis}"


def model_in_words(estimate: Estimate) -> str:
    """Return the name of the model that is asked."""
    return "a model that the gateway chooses" if estimate.model is None else f"'{estimate.model}'"


def _answer_tokens(estimate: Estimate) -> str:
    most = estimate.most_completion_tokens
    if most == 0:
        return "0"
    bound = "nothing limits them" if most is None else f"at most {most:,}"
    return f"about {estimate.completion_tokens:,}, {bound}"
