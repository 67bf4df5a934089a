"""How the rows are sent: how many at a time, how often, for how long."""

from __future__ import annotations

from typing import Literal

from .schema import Duration, Number, Options, WholeNumber, option


class ExecutionOptions(Options):
    """How the rows are sent."""

    concurrency: WholeNumber | None = option(
        "The most requests in flight at a time. By default it starts at 8 and grows up to 64 until the "
        "provider refuses a request.",
        kind="whole number",
        ge=1,
        le=10_000,
    )
    timeout: Number = option(
        "The most seconds of one attempt, from connecting to the last byte of the answer.",
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
    on_error: Literal["raise", "null"] = option(
        "What happens when rows fail after all others were answered: raise an error, or give NULL and the "
        "reason in <target>_error.",
        kind="raise or null",
        default="raise",
    )
    deadline: Number | None = option(
        "Seconds after which the query sends no more requests; those in flight have 5 s to finish. Rows "
        "without an answer then fail with that reason; answers that were paid for stay cached.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    reuse: Duration = option(
        "How long a cached answer is used for an equal request through the same engine: '30m', '24h', '7d' "
        "…, or 'never' to ask again. The default of mode prompt is 'never', because a saved prompt may "
        "change.",
        kind="duration",
        default="24h",
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
    dry_run: bool = option(
        "Send nothing: answers are NULL, and DESCRIBE model.estimate shows what a query would send and cost.",
        kind="true or false",
        default=False,
        levels=("model", "query"),
    )
    check: bool = option(
        "Test the key and the address when the engine is created.",
        kind="true or false",
        default=True,
        levels=("engine",),
    )
