"""Looking over the rows of a query before anything is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from ...errors import PortkeyHandlerError
from ...gateway.config import GatewayConfig
from ...operations import Operation
from ...options import Plan
from ...records import Item, Outcome, Skipped
from ..query_usage import LatencyHistogram
from ..run_history import RunHistory
from .estimator import Earlier, Estimate, Estimator

#: Rows looked at before other tasks get their turn; an interrupt is one.
_TURN = 1000
_NOT_ASKED = Outcome(reason="not asked: dry run")


#: The last queries of a model that tell what the next one will be like.
_LAST = 20


def earlier_of(ledger: RunHistory, plan: Plan) -> Earlier:
    """Return what is known of earlier queries of a model."""
    try:
        runs = ledger.runs(plan.engine, plan.name, most=_LAST)
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
    # Of answers without any tokens nobody told them.
    return Earlier(answers, tokens / answers if tokens else None, latencies.quantile(0.5))


class Scan:
    """Looks over the rows of one query.

    Args:
        plan: The resolved options.
        gateway: Where the requests would go.
        operation: Makes requests of items.
        has: Tells whether an item's answer is kept.
        earlier: What is known of the model.
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

    async def estimate(
        self, rows: Iterable[Item | Skipped], number: int, note: Callable[[Outcome], object] | None = None
    ) -> Estimate:
        """Look at every row and say what the query would ask.

        Args:
            rows: The operation's items.
            number: How many there are.
            note: Called with the outcome that each row has in a dry run, in order.
        """
        execution = self._plan.execution
        estimator = Estimator(
            self._operation.ask,
            batch_size=self._operation.batch_size,
            has=self._has,
            rows=number,
        )
        for row, item in enumerate(rows, start=1):
            estimator.take(item)
            if note is not None:
                note(Outcome(reason=item.reason) if isinstance(item, Skipped) else _NOT_ASKED)
            if row % _TURN == 0:
                await asyncio.sleep(0)
        return estimator.finish(
            at=time.time(),
            name=self._plan.name,
            provider=self._provider,
            answers_text=self._plan.input.mode != "embedding",
            concurrency=execution.concurrency,
            earlier=self._earlier,
            requests_per_minute=execution.requests_per_minute,
            tokens_per_minute=execution.tokens_per_minute,
        )
