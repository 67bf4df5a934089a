"""Scan the rows of a query before anything is sent, to estimate it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from ...errors import PortkeyHandlerError
from ...foreign_text import without_keys
from ...gateway.config import GatewayConfig
from ...operations import Operation
from ...options import Plan
from ...records import Item, Outcome, Skipped
from ..prices import BATCH, cost, given_rates
from ..query_usage import LatencyHistogram
from ..run_history import RunHistory
from .estimator import Earlier, Estimate, Estimator, Price

#: After this many rows other tasks can run, such as an interrupt.
_TURN = 1000
_NOT_ASKED = Outcome(reason="not asked: dry run")
#: Number of earlier queries that an estimate is based on.
_LAST = 20


def earlier_of(history: RunHistory, plan: Plan) -> Earlier:
    """Return what is known from earlier queries of a model."""
    try:
        runs = history.runs(plan.engine, plan.name, most=_LAST)
    except PortkeyHandlerError:
        return Earlier()
    asked = plan.parameters.value.get("model", "")
    latencies = LatencyHistogram()
    answers = tokens = 0
    for run in runs:
        if run.asked == asked:
            for use in run.models.values():
                latencies.counts.update(use.latencies.counts)
                answers += use.answers
                tokens += use.completion_tokens
    # Without any tokens, the provider did not report them.
    return Earlier(answers, tokens / answers if tokens else None, latencies.quantile(0.5))


class Scan:
    """Scans the rows of one query.

    Args:
        plan: The resolved options.
        gateway: The configuration that requests would use.
        operation: Makes requests from items.
        has: Returns whether an item's answer is cached.
        earlier: What is known from earlier queries.
    """

    def __init__(
        self,
        plan: Plan,
        gateway: GatewayConfig,
        operation: Operation,
        has: Callable[[bytes], bool],
        earlier: Earlier,
    ) -> None:
        self._plan = plan
        self._operation = operation
        self._has = has
        self._earlier = earlier
        self._provider = gateway.known_provider
        self._is_free = gateway.is_local

    async def estimate(
        self, rows: Iterable[Item | Skipped], number: int, note: Callable[[Outcome], object] | None = None
    ) -> Estimate:
        """Read every row and return the estimate.

        Args:
            rows: The operation's items.
            number: Number of rows.
            note: Called with the outcome of each row in a dry run, in order.
        """
        execution = self._plan.execution
        in_batches = execution.delivery == "batch"
        estimator = Estimator(
            self._operation.ask,
            batch_size=1 if in_batches else self._operation.batch_size,
            has=self._has,
            rows=number,
        )
        for row, item in enumerate(rows, start=1):
            estimator.take(item)
            if note is not None:
                note(Outcome(reason=item.reason) if isinstance(item, Skipped) else _NOT_ASKED)
            if row % _TURN == 0:
                await asyncio.sleep(0)
        given = given_rates(self._plan, is_free=self._is_free)
        tier = BATCH if in_batches else self._plan.service_tier
        is_one_price = tier is None or (given is not None and not in_batches)

        def price_by(tier: str | None) -> Price:
            return lambda model, *tokens: cost(model, self._provider, *tokens, tier=tier, given=given)

        return estimator.finish(
            at=time.time(),
            name=self._plan.name,
            price=price_by(tier),
            answers_text=self._plan.input.mode != "embedding",
            concurrency=execution.concurrency,
            earlier=replace(self._earlier, latency_ms=None) if in_batches else self._earlier,
            requests_per_minute=None if in_batches else execution.requests_per_minute,
            tokens_per_minute=None if in_batches else execution.tokens_per_minute,
            tier=None if tier is None else without_keys(tier),
            ordinary_price=None if is_one_price else price_by(None),
        )
