"""The predictor, which joins the rooms, and `ask`: a frame of rows in, a frame of answers out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .errors import AboveLimitError, OptionError, PortkeyHandlerError, alone, briefly
from .execution.event_loop import blocking, run_sync
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
from .operations.query_items import QueryItems
from .operations.result_columns import check_free, column_names, to_frame
from .operations.structured_output import TypedChat
from .operations.tracing import Tracing
from .options import EngineConfig, Plan, resolve
from .options.durations import seconds_of
from .options.plan import longest_answer
from .prompts.frames import as_frame
from .records import NOT_ASKED, Outcome, RowNames
from .secret import Secret, forgetting, sealed
from .storage.answer_cache import AnswerCache
from .storage.learnt_methods import LearntMethods
from .storage.rate_limit_store import RateLimitStore
from .usage.budget import reached, spent_already, too_expensive, too_many_rows
from .usage.daily_budget import DailyBudget, today
from .usage.estimate.dry_run import dry_run_listener, keep_estimate, on_estimate, tell
from .usage.estimate.estimator import Estimate
from .usage.estimate.scan import Scan, earlier_of
from .usage.estimate.wording import one_line
from .usage.interactive import shown_to_people
from .usage.kept_prompts import AskedRows, KeptPrompts
from .usage.prices import cost_of, given_rates
from .usage.prices import load as load_prices
from .usage.progress import Progress, ProgressReporter, current_listener, log_seconds
from .usage.query_usage import QueryUsage
from .usage.run_history import RunHistory
from .usage.run_record import RunRecorder
from .usage.summary import for_summary, interrupted, progress_of, raise_failures, summary

if TYPE_CHECKING:
    import pandas as pd

logger = logger_of(__name__)

#: Seconds for which answers stay cached for later queries, where a query itself uses no cached answer.
_KEPT_ANYWAY = 86_400.0


class Predictor:
    """Runs a plan over frames.

    Args:
        plan: The resolved options; holds no secret, so that a predictor can be pickled.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, frame: Any, credentials: EngineConfig, names: RowNames | None = None) -> pd.DataFrame:
        """Answer every row of `frame` as `run` does. Works inside a running event loop and after a fork."""
        return run_sync(self.run(frame, credentials, names))

    async def run(self, frame: Any, credentials: EngineConfig, names: RowNames | None = None) -> pd.DataFrame:
        """Answer every row of `frame`.

        Args:
            frame: The rows, as a pandas frame or what `as_frame` takes; not changed.
            credentials: The engine's options.
            names: The names of the rows in errors; by default their numbers.

        Returns:
            A frame with the input's index and only the columns of `result_columns.to_frame`.

        Raises:
            InputError: The rows lack a column that the model needs. Nothing was sent.
            AboveLimitError: More rows than `max_rows`, or a cost above `max_cost`. Nothing was sent.
            QueryError: Rows failed and `on_error` is `raise`, or no further row could succeed.
        """
        with alone():
            return await self._answers(as_frame(frame), credentials, names)

    async def _answers(
        self, frame: pd.DataFrame, credentials: EngineConfig, names: RowNames | None
    ) -> pd.DataFrame:
        if len(frame) == 0:
            if len(frame.columns):
                # The next query may have rows: a missing column is an error before anything is paid for.
                check(self.plan, credentials, frame)
            return to_frame(self.plan, [], frame.index)
        gateway = GatewayConfig.resolve(credentials, self.plan)
        if self.plan.execution.dry_run or dry_run_listener() is not None:
            return await self._run_dry(frame, gateway)
        if (refused := too_many_rows(self.plan, len(frame))) is not None:
            raise AboveLimitError(refused)
        async with served(gateway) as there, _Run(self.plan, gateway, there, names or RowNames()) as run:
            mapping = await run.map(frame)
        raise_failures(self.plan, mapping, run.account, run.cache.fault)
        return to_frame(self.plan, mapping.outcomes, frame.index)

    async def _run_dry(self, frame: pd.DataFrame, gateway: GatewayConfig) -> pd.DataFrame:
        """Estimate the query without sending anything, and store the estimate for DESCRIBE."""
        plan = self.plan
        items = _items(plan, gateway)
        outcomes: list[Outcome] = []
        with closing(_answer_cache(plan, gateway, only_look=True)) as cache:
            scan = _scan(plan, gateway, items.operation, cache)
            estimate = await scan.estimate(items.of(frame), len(frame), outcomes.append)
        spent = 0.0
        if plan.execution.max_cost_per_day is not None:
            spent = RunHistory(data_dir()).spent(plan.engine, today())
        refused = too_many_rows(plan, len(frame)) or too_expensive(plan, estimate, spent)
        estimate = replace(estimate, refused=refused)
        keeps = plan.execution.keep_reasons
        keep_estimate(data_dir(), plan.engine, estimate.name, estimate, with_example=keeps)
        if (listener := dry_run_listener()) is not None:
            listener(estimate)
        else:
            _log(estimate)
            tell(estimate)
        answers = to_frame(plan, outcomes, frame.index)
        answers.attrs[NOT_ASKED] = True
        return answers


async def aask(
    frame: Any,
    *,
    model: str | None = None,
    prompt_template: str | None = None,
    column: str | None = None,
    target: str = "answer",
    engine: Mapping[str, Any] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Ask a language model about each row of a frame.

    Args:
        frame: The rows, as a pandas frame or what `as_frame` takes (Polars, Arrow, dicts …); not changed.
        model: The language model, by the provider's name.
        prompt_template: The prompt, with columns in it: `Translate: {{text}}`.
        column: The column that holds the prompts, in place of a template.
        target: The name of the column for the answers.
        engine: Options of CREATE ML_ENGINE; None takes them from the environment (`PORTKEY_…`).
        options: Any other option of CREATE MODEL, by its name.

    Returns:
        The frame's columns, with the same index, and beside them the target and the other columns that the
        options add (see `result_columns.to_frame`).

    Raises:
        OptionError: An option is wrong.
        InputError: The frame lacks a column, or already has a column of an answer's name.
        QueryError: Rows failed and `on_error` is `raise`, or no row could succeed.
    """
    sealed_engine = sealed(engine or {})
    given = {"model": model, "prompt_template": prompt_template, "column": column}
    using = Secret({name: value for name, value in given.items() if value is not None} | options)
    del engine, options  # no key belongs into the options, and one may be there
    try:
        with shown_to_people():
            return await _answered(frame, target, sealed_engine, using)
    except PortkeyHandlerError as error:
        raise briefly(error) from None


async def _answered(frame: Any, target: str, engine: Mapping[str, Any], using: Secret) -> pd.DataFrame:
    import pandas as pd

    with alone(), forgetting():
        frame = as_frame(frame)
        resolved = resolve(target=target, engine=engine, model=using.reveal(), environment=os.environ)
        check_free(resolved.plan, frame)
        if resolved.plan.output.keep_prompts:
            raise OptionError(
                "keep_prompts is for a model in SQL, whose prompts DESCRIBE model.answers shows; leave it out"
            )
        estimates: list[Estimate] = []
        with on_estimate(estimates.append):
            answers = await Predictor(resolved.plan).run(frame, resolved.credentials)
        joined: pd.DataFrame = pd.concat([frame, answers], axis=1)
        if estimates:
            from .usage.spoken_frame import estimated

            return estimated(joined, estimates)
        return joined


# Around it, because after a second Ctrl-C the coroutine goes on in its thread.
ask = blocking(aask, "ask", around=shown_to_people)


def answer_columns(plan: Plan) -> list[str]:
    """Return the names of the columns that the model can add, whether the query asks for them or not."""
    names = [*column_names(plan), f"{plan.target}_error", f"{plan.target}_evidence"]
    return list(dict.fromkeys(names))


def check(plan: Plan, credentials: EngineConfig, frame: pd.DataFrame | None = None) -> None:
    """Check options, templates and columns, without sending anything.

    Args:
        plan: The resolved options.
        credentials: The engine's options.
        frame: Rows whose columns are checked, or None.

    Raises:
        OptionError: The options do not go together, or with the engine's.
        TemplateError: A template is wrong.
        InputError: The frame lacks a column.
    """
    items = _items(plan, GatewayConfig.resolve(credentials, plan))
    if frame is not None:
        items.of(frame)


def _log(estimate: Estimate) -> None:
    logger.info("%s", one_line(estimate))


def _items(plan: Plan, gateway: GatewayConfig) -> QueryItems:
    trace = Tracing(plan.name, gateway.trace_id, gateway.metadata, may_route=gateway.routes_by_metadata)
    return QueryItems(plan, trace)


def _answer_cache(plan: Plan, gateway: GatewayConfig, *, only_look: bool = False) -> AnswerCache:
    reuse = seconds_of(plan.execution.reuse)
    path = data_dir() / "journal" / f"{engine_fingerprint(plan.engine, gateway)}.sqlite"
    return AnswerCache(path, reuse=reuse, keep=reuse or _KEPT_ANYWAY, only_look=only_look)


def _scan(plan: Plan, gateway: GatewayConfig, operation: Operation, cache: AnswerCache) -> Scan:
    return Scan(plan, gateway, operation, cache.has, earlier_of(RunHistory(data_dir()), plan))


class _Run:
    """The resources of one query: the connections, the answer cache, the rate limiter."""

    def __init__(self, plan: Plan, gateway: GatewayConfig, there: GatewayConfig, names: RowNames) -> None:
        self._plan = plan
        self._config = gateway
        self._items = _items(plan, gateway)
        tracing = self._items.tracing
        self._gateway = Gateway(there.with_options(tracing.options))
        folder = data_dir()
        execution = plan.execution
        self._stopped = asyncio.Event()
        self.account = QueryUsage(names, keeps_reasons=execution.keep_reasons)
        history = RunHistory(folder)
        self._daily = DailyBudget(history, plan.engine)
        record = partial(history.record, query=self._daily.query)
        self._recorder = RunRecorder(plan, self.account, tracing.trace_id, record)
        scope = limits_scope(plan.engine, gateway.engine)
        self._limited: RateLimitedSender | None = None
        if execution.requests_per_minute is not None or execution.tokens_per_minute is not None:
            store = RateLimitStore(folder)
            limiter = RateLimiter(store, scope, execution.requests_per_minute, execution.tokens_per_minute)
            self._limited = RateLimitedSender(
                self._gateway.send, limiter, longest_answer(plan), self._stopped
            )
        self.cache = _answer_cache(plan, gateway)
        self._asked: AskedRows | None = None
        self._kept = KeptPrompts(folder, plan.engine, plan.name)
        self._methods = LearntMethods(folder / "methods" / f"{engine_fingerprint(plan.engine, gateway)}.json")
        self._language_model = str(plan.parameters.value.get("model") or "")
        if isinstance(self._items.operation, TypedChat):
            self._items.operation.begin_with(self._methods.of(self._language_model))

    async def __aenter__(self) -> _Run:
        await self._gateway.__aenter__()
        # Loaded while the first requests are in flight, so that no request waits for it.
        self._prices = asyncio.get_running_loop().run_in_executor(None, load_prices)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._recorder.record(error)
            if self._asked is not None:
                self._kept.add(self._asked.rows())
            operation = self._items.operation
            if (
                isinstance(operation, TypedChat)
                and operation.learnt is not None
                and not self._items.several_models
            ):
                self._methods.put(self._language_model, operation.learnt)
        finally:
            self.cache.close()
            if self._limited is not None:
                self._limited.close()
            await self._prices
            await self._gateway.__aexit__(None, None, None)

    async def map(self, frame: pd.DataFrame) -> MapResult:
        self._recorder.rows = len(frame)
        execution = self._plan.execution
        given = given_rates(self._plan, is_free=self._config.is_local)

        def note(row: int, outcome: Outcome) -> None:
            self._note(mapper, row, outcome)

        if self._plan.output.keep_prompts:
            self._asked = AskedRows(self._items.operation.ask, self._some(frame), self.account.names)

        def look() -> Progress:
            return progress_of(self._plan.name, mapper.now(), self.account)

        mapper = Mapper(
            self._items.operation.ask,
            self._limited or self._gateway.send,
            MapperLimits(
                concurrency=execution.concurrency,
                most_in_flight=most_in_flight(execution.concurrency),
                timeout=execution.timeout,
                max_attempts=execution.max_attempts,
                batch_size=self._items.operation.batch_size,
                deadline=execution.deadline,
                several_models=self._items.several_models,
            ),
            cache=self.cache,
            price=partial(cost_of, given=given) if given else cost_of,
            on_outcome=note if self._has_budget or self._asked is not None else self.account.note,
            remember=(lambda outcome: outcome) if self._plan.output.evidence else for_summary(),
            stopped=self._stopped,
        )
        items = self._items.of(frame)
        if self._has_budget:
            await self._check_cost(frame)
        self._recorder.look = mapper.now
        with (
            seldom_collected(),
            ProgressReporter(look, current_listener(), log_seconds()) as watch,
        ):
            try:
                mapping = await mapper.run(items, len(frame), self._elsewhere(frame))
            except asyncio.CancelledError:
                fault = self.cache.fault
                line = interrupted(self._plan, mapper.now(), self.account, fault, watch.seconds)
                logger.warning("%s", watch.end(line, warned=True))
                raise
            self._recorder.mapping = mapping
            line = summary(self._plan, mapping, self.account, self.cache.oldest_used, watch.seconds)
            logger.info("%s", watch.end(line))
            return mapping

    def _elsewhere(self, frame: pd.DataFrame) -> Elsewhere | None:
        if not self._plan.execution.deduplicate:
            return None  # the key of a row depends on the rows before it
        return self._some(frame)

    def _some(self, frame: pd.DataFrame) -> Elsewhere:
        """Return a function that makes the items of some rows, by their numbers."""
        return lambda rows: self._items.of(frame.iloc[[*rows]], rows)

    @property
    def _has_budget(self) -> bool:
        execution = self._plan.execution
        return execution.max_cost is not None or execution.max_cost_per_day is not None

    async def _check_cost(self, frame: pd.DataFrame) -> None:
        """Refuse a query that would cost more than its limits allow, before anything is sent."""
        plan, items = self._plan, self._items
        spent = 0.0
        if plan.execution.max_cost_per_day is not None:
            spent = self._daily.look(0.0)
            if (refused := spent_already(plan, spent)) is not None:
                raise AboveLimitError(refused)
        scan = _scan(plan, self._config, items.operation, self.cache)
        estimate = await scan.estimate(items.of(frame), len(frame))
        if (refused := too_expensive(plan, estimate, spent)) is not None:
            raise AboveLimitError(refused)

    def _note(self, mapper: Mapper, row: int, outcome: Outcome) -> None:
        self.account.note(row, outcome)
        if self._asked is not None:
            self._asked.note(row, outcome)
        if not self._has_budget:
            return
        daily = self._plan.execution.max_cost_per_day is not None
        spent = self._daily.look_now_and_then(self.account.cost) if daily else 0.0
        if (reason := reached(self._plan, self.account, outcome, spent)) is not None:
            mapper.stop(reason)
