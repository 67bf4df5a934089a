"""How the rows are sent: how many at a time, how often, for how long."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import field_validator

from .json_text import JsonText
from .schema import Duration, JsonObjectText, Number, Options, WholeNumber, option


class ExecutionOptions(Options):
    """How the rows are sent."""

    concurrency: WholeNumber | None = option(
        "The most requests in flight at a time. By default it starts at 8 and grows, up to 1,024, as long as "
        "that answers more rows per second and the provider refuses few requests.",
        kind="whole number",
        ge=1,
        le=10_000,
    )
    timeout: Number = option(
        "The most seconds of one attempt, from connecting to the last byte of the answer. The default with "
        "service_tier = 'flex' is 900.",
        kind="number",
        default=60.0,
        gt=0,
        allow_inf_nan=False,
    )
    max_attempts: WholeNumber = option(
        "How many times a request is sent before its row fails.",
        kind="whole number",
        default=6,
        ge=1,
        le=100,
    )
    flex_fallback: bool = option(
        "With service_tier = 'flex', what happens to a request for which the provider has no resources free: "
        "true sends it at once without service_tier, for the ordinary price; false sends it again by flex, "
        "until there was no answer for 15 minutes.",
        kind="true or false",
        default=False,
        modes=("chat", "completion", "prompt", "request"),
    )
    prompt_cache: Literal["off", "auto"] = option(
        "auto makes the provider cache what the prompts of all rows share (system prompt, examples, the "
        "beginning of the template, the schema), where the model needs a mark for that (Claude) and it is "
        "long enough. The first request is then sent alone, so that the others find it cached. With any "
        "model, rows that share a long system prompt with some others are asked one after the other.",
        kind="off or auto",
        default="off",
        modes=("chat",),
    )
    on_error: Literal["raise", "null"] = option(
        "What happens when rows fail after all others were answered: raise an error, or give NULL and the "
        "reason in <target>_error.",
        kind="raise or null",
        default="raise",
    )
    deadline: Number | None = option(
        "Seconds after which the query sends no more requests; those in flight have 5 s to finish. Rows "
        "without an answer then fail with that reason; answers that were paid for stay cached. Batches are "
        "waited for as long, and go on at the provider.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    reuse: Duration = option(
        "How long a cached answer is used for an equal request through the same engine: '30m', '24h', '7d' "
        "…, or 'never' to ask again. The default of mode prompt is 'never', because a saved prompt may "
        "change; where prompt_id names a version (pp-x@12), it is '24h'.",
        kind="duration",
        default="24h",
    )
    delivery: Literal["direct", "batch"] = option(
        "How the requests reach the provider: direct sends each of them, batch uploads them as files, which "
        "the provider answers within 24 hours for half the price.",
        kind="direct or batch",
        default="direct",
        modes=("chat", "completion", "embedding"),
    )
    wait: bool = option(
        "With delivery = 'batch', whether the query waits for its batches, up to deadline. false ends it at "
        "once: rows that are still in a batch have no answer yet, and running it again fetches them.",
        kind="true or false",
        default=True,
        modes=("chat", "completion", "embedding"),
    )
    requests_per_minute: Number | None = option(
        "The most requests a minute, for all queries on this machine that use the engine.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    tokens_per_minute: Number | None = option(
        "The most tokens a minute, for the same queries. The tokens of a request are estimated before it is "
        "sent and corrected by its usage.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    deduplicate: bool = option(
        "Send equal rows once. false sends each of them, for several samples of one question.",
        kind="true or false",
        default=True,
    )
    inputs_per_request: WholeNumber = option(
        "The number of rows in one request.",
        kind="whole number",
        default=128,
        modes=("embedding",),
        ge=1,
        le=2048,
    )
    max_rows: WholeNumber | None = option(
        "The most rows of a query; a query with more is refused before anything is sent.",
        kind="whole number",
        ge=1,
    )
    max_cost: Number | None = option(
        "The most US dollars that a query may cost: it is refused if the estimate is higher, and stopped "
        "when it has cost this much. Answers that were paid for stay cached.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    max_cost_per_day: Number | None = option(
        "The most US dollars a day (UTC) of all queries on this machine that use the engine; like max_cost, "
        "queries are refused or stopped.",
        kind="number",
        levels=("engine",),
        gt=0,
        allow_inf_nan=False,
    )
    price: JsonObjectText | None = option(
        "US dollars of a million tokens, for a model that the price list lacks or has another price: "
        '{"input": 0.15, "output": 0.6}, and where they differ cached_input and cache_write, for tokens read '
        "from and written to the provider's prompt cache.",
        kind="object",
    )
    dry_run: bool = option(
        "Send nothing: answers are NULL, and DESCRIBE model.estimate shows what a query would send and cost.",
        kind="true or false",
        default=False,
        levels=("model", "query"),
    )
    keep_reasons: bool = option(
        "Keep the reasons of failures in the run history, and the first prompt of a dry run, 200 characters "
        "at most. false keeps only the kind and the status of a failure; errors and <target>_error still "
        "have the reason.",
        kind="true or false",
        default=True,
    )
    check: bool = option(
        "Test the key and the address when the engine is created.",
        kind="true or false",
        default=True,
        levels=("engine",),
    )

    @field_validator("price")
    @classmethod
    def _is_a_price(cls, value: JsonText | None) -> JsonText | None:
        if value is None:
            return None
        dollars = value.value
        is_known = "input" in dollars and dollars.keys() <= _PRICES
        if not is_known or not all(map(_is_amount, dollars.values())):
            raise ValueError(
                'expected US dollars of a million tokens, such as {"input": 0.15, "output": 0.6}'
            )
        return value


_PRICES = frozenset({"input", "output", "cached_input", "cache_write"})


def _is_amount(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )
