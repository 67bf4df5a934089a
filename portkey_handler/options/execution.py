"""How the rows are sent: how many at a time, how often, for how long."""

from __future__ import annotations

from typing import Literal

from .schema import Number, Options, WholeNumber, option


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
    deduplicate: bool = option(
        "Ask equal rows once. false asks each of them, for sampling.", kind="true or false", default=True
    )
    check: bool = option(
        "Try the key and the address when the engine is created.",
        kind="true or false",
        default=True,
        levels=("engine",),
    )
