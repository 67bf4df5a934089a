"""Frame in, frame out: joins the rooms."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .account import Account
from .columns import to_frame
from .endings import interrupted, raise_failures, summary
from .exchange import Evidence, Outcome
from .gateway import Gateway
from .home import home
from .identity import engine_identity, limits_scope
from .journal import Journal
from .labels import LabelledOperation, Labels
from .mapper import Mapper, Mapping, Tally
from .operations import OPERATIONS
from .options import Credentials, Plan
from .options.schema import seconds_of
from .paced import Paced
from .prices import cost_of
from .progress import Progress, current_listener
from .routing import gateway_options
from .running import run_apart

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

#: Seconds for which answers are kept by a query that uses none itself, for the queries after it.
_KEPT_ANYWAY = 86_400.0


class Predictor:
    """Runs a plan over frames.

    Args:
        plan: The resolved options; holds no secret, so that a predictor can be pickled.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, frame: pd.DataFrame, credentials: Credentials) -> pd.DataFrame:
        """Answer every row of `frame`; see `run`. Works inside a running event loop and after a fork."""
        return run_apart(self.run(frame, credentials))

    async def run(self, frame: pd.DataFrame, credentials: Credentials) -> pd.DataFrame:
        """Answer every row of `frame`.

        Args:
            frame: The rows; not changed.
            credentials: The engine's options.

        Returns:
            A frame with the input's index and only the columns of `columns.to_frame`.

        Raises:
            InputError: The rows lack what the model needs; nothing was sent.
            QueryError: Rows failed and `on_error` is `raise`, or nothing could succeed any more.
        """
        if len(frame) == 0:
            if len(frame.columns):
                # Rows may be there the next time; what they would lack is said before anything is paid.
                operation_of(self.plan, credentials).items(frame)
            return to_frame(self.plan, [], frame.index)
        started = time.monotonic()
        async with _Run(self.plan, credentials) as run:
            mapping = await run.map(frame)
        logger.info("%s", summary(self.plan, mapping, run.journal.oldest_used, time.monotonic() - started))
        raise_failures(self.plan, mapping, run.journal.fault)
        return to_frame(self.plan, mapping.outcomes, frame.index)


def operation_of(plan: Plan, credentials: Credentials) -> LabelledOperation:
    """Make a plan's operation, and so check what can be checked before there are rows.

    Raises:
        OptionError: The options do not go together, or with the engine's.
        TemplateError: A template is wrong.
    """
    labels = Labels(plan, credentials)
    gateway_options(credentials.options, json.loads(plan.routing))
    return LabelledOperation(OPERATIONS[plan.input.mode](plan), labels)


class _Run:
    """What one query holds open: the connections, the journal, the share of the limits."""

    def __init__(self, plan: Plan, credentials: Credentials) -> None:
        self._plan = plan
        routing = json.loads(plan.routing)
        labels = Labels(plan, credentials)
        self._operation = LabelledOperation(OPERATIONS[plan.input.mode](plan), labels)
        self._gateway = Gateway(credentials, {**routing, **labels.options}, plan.execution.timeout)
        identity = engine_identity(plan.engine, credentials, routing)
        reuse = seconds_of(plan.execution.reuse)
        folder = home()
        execution = plan.execution
        limited = execution.requests_per_minute is not None or execution.tokens_per_minute is not None
        self._halted = asyncio.Event()
        self.account = Account(cost_of)
        scope = limits_scope(plan.engine, credentials)
        self._paced = Paced(self._gateway.send, plan, folder, scope, self._halted) if limited else None
        self.journal = Journal(
            folder / "journal" / f"{identity}.sqlite", reuse=reuse, keep=reuse or _KEPT_ANYWAY
        )

    async def __aenter__(self) -> _Run:
        await self._gateway.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.journal.close()
        if self._paced is not None:
            self._paced.close()
        await self._gateway.__aexit__(None, None, None)

    async def map(self, frame: pd.DataFrame) -> Mapping:
        execution = self._plan.execution
        operation = self._operation
        mapper = Mapper(
            operation.ask,
            self._paced or self._gateway.send,
            concurrency=execution.concurrency,
            timeout=execution.timeout,
            max_attempts=execution.max_attempts,
            together=operation.together,
            deduplicate=execution.deduplicate,
            deadline=execution.deadline,
            keeper=self.journal,
            observe=self.account.note,
            remember=(lambda outcome: outcome) if self._plan.output.evidence else _summarised(),
            halted=self._halted,
            report=_reporter(self._plan),
        )
        try:
            return await mapper.run(operation.items(frame), len(frame))
        except asyncio.CancelledError:
            logger.warning("%s", interrupted(self._plan, mapper.tally, self.journal.fault))
            raise


def _summarised() -> Callable[[Outcome], Outcome]:
    """Leave of the evidence, where nobody asked for it, what the last line of a query tells."""
    shared: dict[tuple[str | None, bool], Evidence] = {}

    def summarised(outcome: Outcome) -> Outcome:
        known = outcome.evidence
        if known is None:
            return outcome
        what = (known.finish_reason, known.kept_from is not None)
        evidence = shared.get(what)
        if evidence is None:
            evidence = shared[what] = Evidence(finish_reason=what[0], kept_from=known.kept_from)
        return Outcome(outcome.value, outcome.reason, evidence, outcome.failed)

    return summarised


def _reporter(plan: Plan) -> Callable[[Tally], None]:
    listener = current_listener()
    if listener is None:
        return lambda _: None
    name = plan.model or plan.target

    def report(tally: Tally) -> None:
        listener(Progress(name, tally.done, tally.total, tally.failed, tally.requests))

    return report
