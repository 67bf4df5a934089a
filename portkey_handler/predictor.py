"""Frame in, frame out: joins the rooms."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from .columns import to_frame
from .errors import QueryError
from .exchange import Outcome
from .gateway import Gateway
from .mapper import Mapper, Mapping, Tally
from .operations import OPERATIONS
from .options import Credentials, Plan
from .progress import Progress, current_listener
from .running import run_apart

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_MOST_REASONS_SHOWN = 5
_MOST_ROWS_SHOWN = 5


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
                OPERATIONS[self.plan.input.mode](self.plan).items(frame)
            return to_frame(self.plan, [], frame.index)
        plan = self.plan
        operation = OPERATIONS[plan.input.mode](plan)
        items = operation.items(frame)
        started = time.monotonic()
        async with Gateway(credentials, json.loads(plan.routing), plan.execution.timeout) as gateway:
            mapper = Mapper(
                operation.ask,
                gateway.send,
                concurrency=plan.execution.concurrency,
                max_attempts=plan.execution.max_attempts,
                deduplicate=plan.execution.deduplicate,
                report=_reporter(plan),
            )
            mapping = await mapper.run(items, len(frame))
        logger.info("%s", _summary(plan, mapping, time.monotonic() - started))
        self._raise_failures(mapping)
        return to_frame(plan, mapping.outcomes, frame.index)

    def _raise_failures(self, mapping: Mapping) -> None:
        failed = mapping.tally.failed
        answered = sum(1 for outcome in mapping.outcomes if outcome.evidence and not outcome.failed)
        if mapping.stopped is not None:
            raise QueryError(
                f"the query was stopped after {mapping.tally.requests:,} requests, because no other row "
                f"could succeed: {mapping.stopped.message}",
                answered=answered,
                failed=sum(1 for outcome in mapping.outcomes if outcome.failed),
                reasons=[(mapping.stopped.message, [])],
            )
        if failed and self.plan.execution.on_error == "raise":
            raise QueryError(
                _failure(mapping.outcomes, answered),
                answered=answered,
                failed=failed,
                reasons=_reasons(mapping.outcomes),
            )


def _reporter(plan: Plan) -> Callable[[Tally], None]:
    listener = current_listener()
    if listener is None:
        return lambda _: None
    name = plan.model or plan.target

    def report(tally: Tally) -> None:
        listener(Progress(name, tally.done, tally.total, tally.failed, tally.requests))

    return report


def _reasons(outcomes: list[Outcome]) -> list[tuple[str, list[int]]]:
    """Group the failed rows by reason, most frequent first; rows count from 0."""
    rows: dict[str, list[int]] = {}
    for row, outcome in enumerate(outcomes):
        if outcome.failed:
            rows.setdefault(outcome.reason or "", []).append(row)
    return sorted(rows.items(), key=lambda entry: -len(entry[1]))


def _failure(outcomes: list[Outcome], answered: int) -> str:
    reasons = _reasons(outcomes)
    failed = sum(len(rows) for _, rows in reasons)
    first_reason, first_rows = reasons[0]
    if len(outcomes) == 1:
        return f"the row failed: {first_reason}"
    lines = [
        f"{answered:,} answered, {failed:,} failed ({_named(first_rows)}: {first_reason}); mend what failed, "
        "or add on_error = 'null' to get the others with NULL in its place"
    ]
    lines += [f"  {_named(rows)}: {reason}" for reason, rows in reasons[1:_MOST_REASONS_SHOWN]]
    if len(reasons) > _MOST_REASONS_SHOWN:
        lines.append(f"  and {len(reasons) - _MOST_REASONS_SHOWN:,} further reasons")
    return "\n".join(lines)


def _named(rows: list[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_MOST_ROWS_SHOWN])
    more = len(rows) - _MOST_ROWS_SHOWN
    return f"row{'s' if len(rows) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def _summary(plan: Plan, mapping: Mapping, seconds: float) -> str:
    tally = mapping.tally
    finished = Counter(
        outcome.evidence.finish_reason for outcome in mapping.outcomes if outcome.evidence is not None
    )
    unasked = sum(1 for outcome in mapping.outcomes if outcome.evidence is None and not outcome.failed)
    parts = [f"{tally.total - tally.failed - unasked:,} answered"]
    if unasked:
        parts.append(f"{unasked:,} with nothing to ask")
    if tally.failed:
        parts.append(f"{tally.failed:,} failed")
    if finished["length"]:
        parts.append(f"{finished['length']:,} cut off by max_tokens")
    parts += [f"{tally.requests:,} request{'s' if tally.requests != 1 else ''}", f"{seconds:.1f} s"]
    return f"{plan.model or plan.target}: " + ", ".join(parts)
