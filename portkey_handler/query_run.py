"""One query to one model: its connections, its limits and its record. Its rows may come in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

from .batches.delivery import Delivery
from .batches.delivery_options import DeliveryOptions
from .batches.support import check_batches
from .errors import AboveLimitError, GatewayError
from .execution.capacity import NO_PATIENCE, Capacity
from .execution.gc_threshold import seldom_collected
from .execution.mapper import Mapper, MapperLimits
from .execution.open_files import most_in_flight
from .execution.pending_rows import Elsewhere
from .execution.rate_limiter import RateLimitedSender, RateLimiter
from .execution.row_results import MapResult
from .foreign_text import logger_of
from .gateway.client import Gateway
from .gateway.config import GatewayConfig
from .gateway.fingerprint import engine_fingerprint, limits_scope
from .host.data_dir import data_dir
from .host.local_server import served
from .operations import Operation
from .operations.chat import Chat
from .operations.query_items import QueryItems
from .operations.request_body import without_service_tier
from .operations.result_columns import to_frame
from .operations.structured_output import TypedChat
from .operations.tracing import Tracing
from .options import Plan
from .options.durations import seconds_of
from .options.plan import longest_answer
from .options.service_tier import FLEX, FLEX_PATIENCE
from .records import PLANNED, STILL_OUT, Item, Outcome, Request, Response, RowNames, Skipped
from .storage.answer_cache import AnswerCache
from .storage.learnt_methods import LearntMethods
from .storage.rate_limit_store import RateLimitStore
from .usage.budget import reached, spent_already, too_expensive, too_many_rows
from .usage.daily_budget import DailyBudget
from .usage.estimate.estimator import Estimate
from .usage.estimate.scan import Scan, earlier_of
from .usage.kept_prompts import AskedRows, KeptPrompts
from .usage.prices import cost_of, given_rates
from .usage.prices import load as load_prices
from .usage.progress import Progress, ProgressReporter, current_listener, log_seconds
from .usage.query_usage import QueryUsage
from .usage.run_history import RunHistory
from .usage.run_record import RunRecorder
from .usage.summary import for_summary, interrupted, progress_of, raise_failures, summary

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

logger = logger_of(__name__.replace("query_run", "predictor"))  # its documented name

#: Seconds for which answers stay cached for later queries, where a query itself uses no cached answer.
_KEPT_ANYWAY = 86_400.0


def items_of(plan: Plan, gateway: GatewayConfig) -> QueryItems:
    """Return what makes the items of a query from its rows.

    Raises:
        OptionError: The rows cannot be answered as the options say.
        TemplateError: A template is wrong.
    """
    check_batches(plan, gateway)
    trace = Tracing(plan.name, gateway.trace_id, gateway.metadata, may_route=gateway.routes_by_metadata)
    return QueryItems(plan, trace)


async def estimate_of(
    plan: Plan, gateway: GatewayConfig, frame: pd.DataFrame
) -> tuple[Estimate, list[Outcome]]:
    """Return what a query would need, and the outcomes of its rows if it is a dry run; nothing is sent."""
    items = items_of(plan, gateway)
    outcomes: list[Outcome] = []
    with closing(_answer_cache(plan, gateway, only_look=True)) as cache:
        scan = _scan(plan, gateway, items.operation, cache)
        return await scan.estimate(items.of(frame), len(frame), outcomes.append), outcomes


def _answer_cache(plan: Plan, gateway: GatewayConfig, *, only_look: bool = False) -> AnswerCache:
    reuse = seconds_of(plan.execution.reuse)
    path = data_dir() / "journal" / f"{engine_fingerprint(plan.engine, gateway)}.sqlite"
    return AnswerCache(path, reuse=reuse, keep=reuse or _KEPT_ANYWAY, only_look=only_look)


def _scan(plan: Plan, gateway: GatewayConfig, operation: Operation, cache: AnswerCache) -> Scan:
    return Scan(plan, gateway, operation, cache.has, earlier_of(RunHistory(data_dir()), plan))


def _capacity(plan: Plan) -> Capacity:
    if plan.service_tier != FLEX:
        return NO_PATIENCE
    return Capacity(FLEX_PATIENCE, without_service_tier if plan.execution.flex_fallback else None)


class QueryRun:
    """The run of one query to one model, inside an `async with` block: one record, one budget, one flight.

    Args:
        plan: The resolved options.
        gateway: Where requests go.
        in_parts: Whether the rows come in parts.
    """

    def __init__(self, plan: Plan, gateway: GatewayConfig, *, in_parts: bool = False) -> None:
        self._plan = plan
        self._in_parts = in_parts
        self._config = gateway
        self._items = items_of(plan, gateway)
        self._folder = data_dir()
        self.usage = QueryUsage(keeps_reasons=plan.execution.keep_reasons)
        history = RunHistory(self._folder)
        self._daily = DailyBudget(history, plan.engine)
        record = partial(history.record, query=self._daily.query)
        self._recorder = RunRecorder(plan, self.usage, self._items.tracing.trace_id, record)
        self._stopped = asyncio.Event()
        self._resources = AsyncExitStack()
        self._is_open = False
        self._watch: ProgressReporter | None = None
        self._was_interrupted = False
        self._rows = 0
        # How many equal items came before, where equal items are not sent once.
        self._copies: dict[bytes, int] = {}
        self._asked: AskedRows | None = None
        self._asked_from = 0
        self._delivery: Delivery | None = None

    async def __aenter__(self) -> QueryRun:
        """Open nothing yet: a query that is refused needs no connection."""
        return self

    async def ask(self, frame: pd.DataFrame, names: RowNames) -> pd.DataFrame:
        """Answer the rows of a frame, which come after those of earlier calls.

        Args:
            frame: The rows.
            names: Their names in errors.

        Returns:
            A frame with the input's index and only the columns of `result_columns.to_frame`.

        Raises:
            AboveLimitError: More rows than `max_rows`, or a cost above `max_cost`. Nothing of it was sent.
            QueryError: Rows failed and `on_error` is `raise`, or no further row could succeed.
        """
        first = self._rows
        if (refused := too_many_rows(self._plan, first + len(frame), first)) is not None:
            raise AboveLimitError(refused)
        if not self._is_open:
            await self._open()
        mapping = await self._map(frame, first, names)
        raise_failures(self._plan, mapping, self.usage, self._cache.fault)
        answers = to_frame(self._plan, mapping.outcomes[first:], frame.index)
        if self._delivery is not None and self._delivery.out:
            answers.attrs[STILL_OUT] = self._delivery.out
        return answers

    def note_share(self, condition: str, rows: int, kept: int) -> None:
        """Note how many rows a condition on the answers has kept, for the plans of later queries."""
        self._recorder.shares[condition] = (rows, kept)

    async def _open(self) -> None:
        plan, execution = self._plan, self._plan.execution
        there = await self._resources.enter_async_context(served(self._config))
        self._gateway = Gateway(there.with_options(self._items.tracing.options))
        await self._resources.enter_async_context(self._gateway)
        # Loaded while the first requests are in flight, so that no request waits for it.
        prices = asyncio.get_running_loop().run_in_executor(None, load_prices)
        self._resources.push_async_callback(asyncio.wait, [prices])
        self._limited: RateLimitedSender | None = None
        if execution.requests_per_minute is not None or execution.tokens_per_minute is not None:
            store = RateLimitStore(self._folder)
            scope = limits_scope(plan.engine, self._config.engine)
            limiter = RateLimiter(store, scope, execution.requests_per_minute, execution.tokens_per_minute)
            self._limited = RateLimitedSender(
                self._gateway.send, limiter, longest_answer(plan), self._stopped
            )
            self._resources.callback(self._limited.close)
        self._cache = _answer_cache(plan, self._config)
        self._resources.callback(self._cache.close)
        fingerprint = engine_fingerprint(plan.engine, self._config)
        self._methods = LearntMethods(self._folder / "methods" / f"{fingerprint}.json")
        self._language_model = str(plan.parameters.value.get("model") or "")
        if isinstance(self._items.operation, TypedChat):
            self._items.operation.begin_with(self._methods.of(self._language_model))
        self._mapper = self._new_mapper()
        self._is_open = True

    def _new_mapper(self) -> Mapper:
        plan, execution, items = self._plan, self._plan.execution, self._items
        given = given_rates(plan, is_free=self._config.is_local)
        in_batches = execution.delivery == "batch"
        return Mapper(
            self._ask if in_batches else items.operation.ask,
            self._limited or self._gateway.send,
            MapperLimits(
                concurrency=execution.concurrency,
                most_in_flight=most_in_flight(execution.concurrency),
                timeout=execution.timeout,
                max_attempts=execution.max_attempts,
                # A batch has a line for each item, and the delivery sees to the deadline.
                batch_size=1 if in_batches else items.operation.batch_size,
                deadline=None if in_batches else execution.deadline,
                several_models=items.several_models,
                in_parts=self._in_parts,
                capacity=_capacity(plan),
                first_alone=isinstance(items.operation, Chat | TypedChat)
                and items.operation.prompt_cache.is_used,
            ),
            cache=self._cache,
            price=partial(cost_of, given=given) if given else cost_of,
            on_outcome=self._note if self._has_budget or plan.output.keep_prompts else self.usage.note,
            remember=(lambda outcome: outcome) if plan.output.evidence else for_summary(),
            stopped=self._stopped,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the record, say how the query ended, and close everything."""
        async with self._resources:
            if self._is_open:
                self._say_the_end()
                self._recorder.record(error)
                self._keep_prompts()
                self._keep_method()

    async def _map(self, frame: pd.DataFrame, first: int, names: RowNames) -> MapResult:
        self._rows = first + len(frame)
        self._recorder.rows = self._rows
        self._recorder.planned = str(frame.attrs.get(PLANNED) or "")
        self._recorder.mapping = None
        self.usage.names = names if not first else self.usage.names.followed_by(names, first, self._rows)
        self._keep_prompts()
        if self._plan.output.keep_prompts:
            picked = lambda rows: self._items.some(frame.iloc[[*rows]], [first + row for row in rows])  # noqa: E731
            self._asked, self._asked_from = AskedRows(self._items.operation.ask, picked, names), first
        in_batches = self._plan.execution.delivery == "batch"
        order = None if in_batches else self._items.order_of(frame)
        before = {**self._copies} if in_batches else None
        items = self._items.of(frame, first, self._copies, order)
        numbers = None if order is None else [first + place for place in order]
        if self._has_budget:
            await self._check_cost(frame, first)
        self._recorder.look = self._mapper.now
        if self._watch is None:
            self._watch = ProgressReporter(self._look, current_listener(), log_seconds())
            self._watch.__enter__()
        self._watch.go_on()
        with seldom_collected():
            try:
                elsewhere = None if order or in_batches else self._elsewhere(frame, first)
                if in_batches:
                    items = await self._delivered(items, self._items.of(frame, first, before))
                mapping = await self._mapper.run(items, len(frame), elsewhere, numbers)
                if self._delivery is not None and self._cache.fault is None:
                    self._delivery.finish()
            except asyncio.CancelledError:
                self._was_interrupted = True
                raise
            finally:
                self._watch.pause()
        self._recorder.mapping = mapping
        return mapping

    async def _delivered(
        self, items: Iterable[Item | Skipped], again: Iterable[Item | Skipped]
    ) -> Iterator[Item | Skipped]:
        """Have the items of a query answered in batches; return them as the mapper takes them."""
        options = DeliveryOptions.of(self._plan, self._config)
        delivery = Delivery(options, self._folder, self._gateway, self._items.operation.ask, self._cache.has)
        self._resources.callback(delivery.close)
        self._delivery = delivery
        await delivery.run(again)
        return delivery.rows(items)

    def _ask(self, items: Sequence[Item]) -> Generator[Request, Response, Sequence[Outcome | GatewayError]]:
        ask = self._items.operation.ask if self._delivery is None else self._delivery.ask
        return ask(items)

    def _look(self) -> Progress:
        if self._delivery is not None and not self._delivery.is_done:
            return Progress(self._plan.name, *self._delivery.lines, in_batches=True)
        return progress_of(self._plan.name, self._mapper.now(), self.usage)

    def _say_the_end(self) -> None:
        watch = self._watch
        if watch is None:
            return
        if self._was_interrupted and self._delivery is not None and not self._delivery.is_done:
            logger.warning("%s", watch.end(f"{self._plan.name}: {self._delivery.interrupted}", warned=True))
        elif self._was_interrupted:
            fault = self._cache.fault
            line = interrupted(self._plan, self._mapper.now(), self.usage, fault, watch.seconds)
            logger.warning("%s", watch.end(line, warned=True))
        elif self._recorder.mapping is not None:
            oldest = self._cache.oldest_used
            line = summary(self._plan, self._recorder.mapping, self.usage, oldest, watch.seconds)
            logger.info("%s", watch.end(line))
        else:
            watch.__exit__()

    def _keep_prompts(self) -> None:
        if self._asked is not None:
            rows, self._asked = self._asked.rows(), None
            KeptPrompts(self._folder, self._plan.engine, self._plan.name).add(rows)

    def _keep_method(self) -> None:
        """Keep for later queries by which method the model gives typed answers."""
        operation = self._items.operation
        if not isinstance(operation, TypedChat) or self._items.several_models:
            return
        if operation.learnt is not None:
            self._methods.put(self._language_model, operation.learnt)

    def _elsewhere(self, frame: pd.DataFrame, first: int) -> Elsewhere | None:
        if not self._plan.execution.deduplicate:
            return None  # the key of a row depends on the rows before it
        return lambda rows: self._items.some(frame.iloc[[row - first for row in rows]], rows)

    @property
    def _has_budget(self) -> bool:
        execution = self._plan.execution
        return execution.max_cost is not None or execution.max_cost_per_day is not None

    async def _check_cost(self, frame: pd.DataFrame, first: int) -> None:
        """Refuse rows that would cost more than the limits allow, before any of them is sent."""
        plan, spent = self._plan, self.usage.cost
        others = 0.0
        if plan.execution.max_cost_per_day is not None:
            others = self._daily.look(spent)
            if (refused := spent_already(plan, others)) is not None:
                raise AboveLimitError(refused)
        scan = _scan(plan, self._config, self._items.operation, self._cache)
        estimate = await scan.estimate(self._items.of(frame, first, {**self._copies}), len(frame))
        if (refused := too_expensive(plan, estimate, others, spent)) is not None:
            raise AboveLimitError(refused)

    def _note(self, row: int, outcome: Outcome) -> None:
        self.usage.note(row, outcome)
        if self._asked is not None:
            self._asked.note(row - self._asked_from, outcome)
        if not self._has_budget:
            return
        daily = self._plan.execution.max_cost_per_day is not None
        spent = self._daily.look_now_and_then(self.usage.cost) if daily else 0.0
        if (reason := reached(self._plan, self.usage, outcome, spent)) is not None:
            self._mapper.stop(reason)
