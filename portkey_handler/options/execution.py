"""How the rows are sent: how many at a time, how often, for how long."""

from __future__ import annotations

from typing import Literal

from .schema import Duration, Number, Options, WholeNumber, option


class ExecutionOptions(Options):
    """How the rows are sent."""

    concurrency: WholeNumber | None = option(
        "How many requests are in flight at a time. Not given: it starts at 8 and grows to 64 while nothing "
        "refuses it.",
        kind="whole number",
        ge=1,
        le=10_000,
    )
    timeout: Number = option(
        "Seconds that one attempt may take, from connecting to the last byte of the answer.",
        kind="number",
        default=60.0,
        gt=0,
        allow_inf_nan=False,
    )
    max_attempts: WholeNumber = option(
        "How often a request is tried before its row fails.", kind="whole number", default=6, ge=1, le=100
    )
    on_error: Literal["raise", "null"] = option(
        "What happens when rows fail after all others were answered: raise an error, or give NULL and the "
        "reason in <target>_error.",
        kind="raise or null",
        default="raise",
    )
    deadline: Number | None = option(
        "Seconds after which the query sends nothing more; what is in flight may land for 5 s. Rows that are "
        "not answered by then fail with that reason; what was paid is kept.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    reuse: Duration = option(
        "How long an answer may be used again where the same is asked through the same engine: '30m', '24h', "
        "'7d' …, or 'never' to ask again. In mode prompt 'never' is the default, because a saved prompt may "
        "change.",
        kind="duration",
        default="24h",
    )
    requests_per_minute: Number | None = option(
        "The most requests a minute, shared by all queries on this machine that use the engine.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    tokens_per_minute: Number | None = option(
        "The most tokens a minute, shared likewise; estimated before a request, corrected by what it used.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    deduplicate: bool = option(
        "Ask equal rows once. false asks each of them, for sampling.", kind="true or false", default=True
    )
    inputs_per_request: WholeNumber = option(
        "How many rows one request carries.",
        kind="whole number",
        default=128,
        modes=("embedding",),
        ge=1,
        le=2048,
    )
    max_rows: WholeNumber | None = option(
        "The most rows that a query may ask; one with more is refused before anything is sent.",
        kind="whole number",
        ge=1,
    )
    max_cost: Number | None = option(
        "The most US dollars that a query may cost: it is refused where the estimate is higher, and "
        "stopped when it has used as much. What was paid is kept.",
        kind="number",
        gt=0,
        allow_inf_nan=False,
    )
    dry_run: bool = option(
        "Send nothing: answers are NULL, and DESCRIBE model.estimate tells what a query would ask and cost.",
        kind="true or false",
        default=False,
        levels=("model", "query"),
    )
    check: bool = option(
        "Try the key and the address when the engine is created.",
        kind="true or false",
        default=True,
        levels=("engine",),
    )
