"""Estimate the requests, tokens, cost and time of a query before anything is sent.

Rows, equal rows, cached answers and requests are counted; the rest is estimated. Memory
grows with the number of rows by the digests of the items alone. Retries are not counted.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import orjson

from ...execution.concurrency import FIRST_LIMIT, LARGE_LIMIT
from ...execution.token_estimate import estimate_tokens
from ...records import Item, Request, Skipped
from ..formatting import counted
from .request_text import example, model_in, model_of, most_answer_tokens, read_by_model

Ask = Callable[[Sequence[Item]], Generator[Request, Any, Any]]
#: Returns the US dollars of a request from its model, prompt tokens and answer tokens; None if not known.
Price = Callable[["str | None", int, int], "float | None"]

_MOST_NAMED = 3

#: Tokens are estimated from the bodies of this many requests; from a sample of this size, if there are more.
MOST_MADE = 10_000
#: Tokens of an answer if no limit and no earlier answer is known; the default of max_tokens.
GUESSED_ANSWER = 100


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known from earlier queries of the model.

    Attributes:
        answers: Number of its answers.
        completion_tokens: Mean tokens of an answer; None if they are not known.
        latency_ms: Median latency in milliseconds; None if it is not known.
    """

    answers: int = 0
    completion_tokens: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of a query.

    Attributes:
        at: When the estimate was made, in seconds since 1970.
        name: The model in SQL.
        model: The model that is asked, or None if only the gateway knows it.
        rows: All rows.
        unasked: Rows with nothing to ask: NULL and blank.
        unsendable: Rows that cannot be sent, and would fail.
        distinct: Distinct items of the other rows.
        kept: Distinct items with an answer in the cache.
        requests: Requests for the other distinct items.
        made: Number of requests whose bodies were made to estimate the tokens: all of them, or a sample.
        prompt_tokens: Estimated tokens of all requests.
        completion_tokens: Expected tokens of all answers.
        most_completion_tokens: Upper bound of these, or None if nothing limits them.
        basis: What the expected tokens of answers are based on.
        cost: Expected US dollars, or None if the price of the model is not known.
        most_cost: Upper bound of these, as far as the estimate of the prompts is right; or None.
        seconds: Expected seconds, or None if they are not known.
        example: The first prompt, cut.
        refused: Why the query itself would be refused, or None.
        planned: How its rows are chosen, in words, where not all of them may be asked; or None.
        tier: The service tier that is asked for, "batch" for batches, or None for the usual one.
        ordinary_cost: Expected US dollars without that tier; None where they are not known, or no tier is
            asked for.
    """

    at: float
    name: str
    model: str | None
    rows: int
    unasked: int
    unsendable: int
    distinct: int
    kept: int
    requests: int
    made: int
    prompt_tokens: int
    completion_tokens: int
    most_completion_tokens: int | None
    basis: str
    cost: float | None
    most_cost: float | None
    seconds: float | None
    example: str | None
    refused: str | None = None
    planned: str | None = None
    tier: str | None = None
    ordinary_cost: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the estimate as a dict for JSON; `Estimate(**…)` reads it back."""
        return asdict(self)


class Estimator:
    """Takes the rows of a query one by one, and returns the estimate at the end.

    Args:
        ask: Makes requests from a batch of items; only its first request is used.
        batch_size: The most items in one request.
        has: Returns whether an item's answer is cached.
        rows: Number of rows.
    """

    def __init__(self, ask: Ask, *, batch_size: int, has: Callable[[bytes], bool], rows: int) -> None:
        self._ask = ask
        self._batch_size = batch_size
        self._has = has
        self._rows = rows
        self._share = min(1.0, MOST_MADE * batch_size / max(1, rows))
        # Seeded, so that equal rows give equal estimates.
        self._chance = random.Random(rows)  # noqa: S311 - a sample, not a secret
        self._seen: set[bytes] = set()
        self._batch: list[Item] = []
        self._batched = 0
        self._sampled = True
        self._unasked = self._unsendable = self._distinct = self._cached = 0
        self._made = self._made_items = self._tokens = 0
        # Requests and tokens by model: a template may give each row its own.
        self._requests_of: Counter[str | None] = Counter()
        self._tokens_of: Counter[str | None] = Counter()
        self._first: dict[str, Any] | None = None
        self._example: str | None = None

    def take(self, item: Item | Skipped) -> None:
        """Add the next row."""
        if isinstance(item, Skipped):
            if item.failed:
                self._unsendable += 1
            else:
                self._unasked += 1
            return
        if item.key in self._seen:
            return
        self._seen.add(item.key)
        self._distinct += 1
        if self._example is None:
            self._example = example(self._body(item))
        if self._has(item.key):
            self._cached += 1
            return
        self._add(item)

    def _add(self, item: Item) -> None:
        if not self._batched:
            self._sampled = not self._made or self._share == 1.0 or self._chance.random() < self._share
        self._batched += 1
        if self._sampled:
            self._batch.append(item)
        if self._batched == self._batch_size:
            self._finish_batch()

    def _finish_batch(self) -> None:
        if self._batch:
            body = self._body(*self._batch)
            self._made += 1
            self._made_items += len(self._batch)
            tokens = estimate_tokens(read_by_model(body), 0)
            model = model_of(body)
            self._tokens += tokens
            self._requests_of[model] += 1
            self._tokens_of[model] += tokens
            self._batch = []
        self._batched = 0

    def _body(self, *items: Item) -> bytes:
        steps = self._ask(items)
        try:
            body = next(steps).body
        finally:
            steps.close()
        if self._first is None:
            parsed = orjson.loads(body)
            self._first = parsed if isinstance(parsed, dict) else {}
        return body

    def finish(
        self,
        *,
        at: float,
        name: str,
        price: Price,
        answers_text: bool,
        concurrency: int | None,
        earlier: Earlier,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        tier: str | None = None,
        ordinary_price: Price | None = None,
    ) -> Estimate:
        """Return the estimate.

        Args:
            at: The time, in seconds since 1970.
            name: The model in SQL.
            price: Returns the price of a request.
            answers_text: Whether answers have tokens that are paid; vectors have none.
            concurrency: The option `concurrency`, or None.
            earlier: What is known from earlier queries.
            requests_per_minute: The rate limit, or None.
            tokens_per_minute: The rate limit, or None.
            tier: The service tier that is asked for, or None.
            ordinary_price: Returns the price of a request without that tier; None where it is the same.
        """
        if self._batched:
            self._finish_batch()
        items = self._distinct - self._cached
        requests = -(-items // self._batch_size)
        prompts = round(self._tokens * items / self._made_items) if self._made_items else 0
        first = self._first or {}
        expected, most, basis = _answer_tokens(first, earlier) if answers_text else (0.0, 0, "no answers")
        completion, most_completion = round(items * expected), None if most is None else items * most
        total = partial(self._total, requests, prompts)
        return Estimate(
            at=at,
            name=name,
            model=_named(self._requests_of or Counter([model_in(first)])),
            rows=self._rows,
            unasked=self._unasked,
            unsendable=self._unsendable,
            distinct=self._distinct,
            kept=self._cached,
            requests=requests,
            made=self._made,
            prompt_tokens=prompts,
            completion_tokens=completion,
            most_completion_tokens=most_completion,
            basis=basis,
            cost=total(completion, price),
            most_cost=total(most_completion, price),
            seconds=_seconds(
                requests,
                prompts + completion,
                earlier.latency_ms,
                concurrency,
                requests_per_minute,
                tokens_per_minute,
            ),
            example=self._example,
            tier=tier,
            ordinary_cost=None if ordinary_price is None else total(completion, ordinary_price),
        )

    def _total(self, requests: int, prompts: int, answers: int | None, price: Price) -> float | None:
        """Return the US dollars of so many requests with so many tokens of prompts and of answers."""
        if not requests:
            return 0.0
        if answers is None:
            return None
        made, tokens_made = max(1, self._made), max(1, self._tokens)
        dollars = 0.0
        for model, number in self._requests_of.items():
            # Per request: above a number of prompt tokens in one request, some models have another price.
            share = requests * number / made
            asked = math.ceil(prompts * self._tokens_of[model] / tokens_made / share)
            each = price(model, asked, math.ceil(answers / requests))
            if each is None:
                return None
            dollars += each * share
        return dollars


def _named(models: Counter[str | None]) -> str | None:
    """Return the name of the model; of several the most frequent ones."""
    names = [name for name, _ in models.most_common() if name is not None]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "") or None


def _answer_tokens(body: dict[str, Any], earlier: Earlier) -> tuple[float, int | None, str]:
    """Return the tokens of an answer: expected, at most, and the basis of the estimate."""
    most = most_answer_tokens(body)
    if earlier.completion_tokens is not None:
        expected = earlier.completion_tokens if most is None else min(earlier.completion_tokens, most)
        return (
            expected,
            most,
            f"answers as long as the last {earlier.answers:,} ({counted(round(expected), 'token')} each)",
        )
    if most is not None:
        return (
            most,
            most,
            f"answers as long as they may be ({counted(most, 'token')} each), because none is known yet",
        )
    return GUESSED_ANSWER, None, f"answers guessed at {GUESSED_ANSWER} tokens each: nothing limits them"


def _seconds(
    requests: int,
    tokens: int,
    latency_ms: float | None,
    concurrency: int | None,
    requests_per_minute: float | None,
    tokens_per_minute: float | None,
) -> float | None:
    """Return the longest of the times that rate limits and latency imply; None if none is known."""
    if not requests:
        return 0.0
    known = []
    if requests_per_minute is not None:
        known.append(60 * requests / requests_per_minute)
    if tokens_per_minute is not None:
        known.append(60 * tokens / tokens_per_minute)
    if latency_ms is not None:
        known.append(_rounds(requests, concurrency) * latency_ms / 1000)
    return max(known, default=None)


def _rounds(requests: int, concurrency: int | None) -> int:
    """Return how many rounds of concurrent requests are needed.

    Without `concurrency`, rounds grow to a size that most providers take; more is not promised.
    """
    if concurrency is not None:
        return -(-requests // concurrency)
    rounds, limit = 0, FIRST_LIMIT
    while requests > 0 and limit < LARGE_LIMIT:
        rounds, requests, limit = rounds + 1, requests - limit, 2 * limit
    return rounds - (-max(0, requests) // LARGE_LIMIT)
