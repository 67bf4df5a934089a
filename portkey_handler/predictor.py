"""The predictor, which joins the rooms, and `ask`: a frame of rows in, a frame of answers out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .errors import OptionError, PortkeyHandlerError, alone, briefly
from .execution.event_loop import LoopThread, blocking, run_sync
from .foreign_text import logger_of
from .gateway.config import GatewayConfig
from .host.data_dir import data_dir
from .operations.result_columns import check_free, column_names, to_frame
from .options import EngineConfig, Plan, resolve
from .prompts.frames import as_frame
from .query_run import QueryRun, estimate_of, items_of
from .records import IN_BATCHES, NOT_ASKED, PLANNED, RowNames
from .secret import Secret, forgetting, sealed
from .usage.budget import too_expensive, too_many_rows
from .usage.daily_budget import today
from .usage.estimate.dry_run import dry_run_listener, keep_estimate, on_estimate, tell
from .usage.estimate.estimator import Estimate
from .usage.estimate.wording import one_line
from .usage.interactive import shown_to_people
from .usage.query_usage import QueryUsage
from .usage.run_history import RunHistory

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

logger = logger_of(__name__)

#: Number of earlier queries that a plan rests on.
_LAST = 20


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
            answers = to_frame(self.plan, [], frame.index)
            answers.attrs[NOT_ASKED] = self._is_dry
            answers.attrs[IN_BATCHES] = self.plan.execution.delivery == "batch"
            return answers
        gateway = GatewayConfig.resolve(credentials, self.plan)
        if self._is_dry:
            return await self._run_dry(frame, gateway)
        async with QueryRun(self.plan, gateway) as run:
            return await run.ask(frame, names or RowNames())

    @property
    def _is_dry(self) -> bool:
        return self.plan.execution.dry_run or dry_run_listener() is not None

    async def _run_dry(self, frame: pd.DataFrame, gateway: GatewayConfig) -> pd.DataFrame:
        """Estimate the query without sending anything, and store the estimate for DESCRIBE."""
        plan = self.plan
        estimate, outcomes = await estimate_of(plan, gateway, frame)
        spent = 0.0
        if plan.execution.max_cost_per_day is not None:
            spent = RunHistory(data_dir()).spent(plan.engine, today())
        refused = too_many_rows(plan, len(frame)) or too_expensive(plan, estimate, spent)
        estimate = replace(estimate, refused=refused, planned=frame.attrs.get(PLANNED) or None)
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


class QueryInParts:
    """One query to one model whose rows come in parts, inside a `with` block; see `QueryRun`."""

    def __init__(self) -> None:
        self._loop = LoopThread()
        self._run: QueryRun | None = None

    def __enter__(self) -> QueryInParts:
        """Start the query's thread."""
        self._loop.__enter__()
        return self

    def __call__(
        self, plan: Plan, frame: pd.DataFrame, credentials: EngineConfig, names: RowNames
    ) -> pd.DataFrame:
        """Answer the rows of the next part, which are not a dry run, as `Predictor.run` does."""
        if self._run is None:
            self._run = QueryRun(plan, GatewayConfig.resolve(credentials, plan), in_parts=True)
        with alone():
            return self._loop.run(self._run.ask(frame, names))

    def note_share(self, condition: str, rows: int, kept: int) -> None:
        """Note how many rows a condition on the answers has kept; see `earlier_share`."""
        if self._run is not None:
            self._run.note_share(condition, rows, kept)

    @property
    def _usage(self) -> QueryUsage:
        return QueryUsage() if self._run is None else self._run.usage

    @property
    def is_in_doubt(self) -> bool:
        """Whether rows have failed and none was answered."""
        usage = self._usage
        return 0 < usage.failed == usage.settled

    def price_of_a_row(self) -> tuple[float | None, float | None]:
        """Return what an item has cost so far, in dollars and in tokens; None: not known."""
        usage = self._usage
        if not usage.asked:
            return 0.0, 0.0
        dollars, tokens = usage.known_cost, usage.tokens
        return (
            None if dollars is None or usage.unpriced else dollars / usage.asked,
            None if tokens is None else tokens / usage.asked,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the query: write its record, say what it has done."""
        try:
            if self._run is not None:
                self._loop.run(self._run.__aexit__(kind, error, trace))
        finally:
            self._loop.__exit__()


def earlier_share(
    engine: str, model: str, condition: str
) -> tuple[int, int, float | None, float | None] | None:
    """Return what earlier queries of a model tell of a condition on its answers, or None.

    Args:
        engine: The engine's name.
        model: The model's name in SQL.
        condition: The digest under which the share was noted.

    Returns:
        Rows, how many of them the condition kept, and what a row has cost, in dollars and in tokens; None for
        what is not known.
    """
    try:
        runs = RunHistory(data_dir()).runs(engine, model, most=_LAST)
    except PortkeyHandlerError:
        return None
    for run in runs:
        if condition in run.shares:
            asked = run.distinct_items - run.kept
            dollars = run.cost / asked if asked and not run.unpriced else None
            tokens = (run.prompt_tokens + run.completion_tokens) / asked if asked else None
            return (*run.shares[condition], dollars, tokens)
    return None


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
    del engine, options  # no key belongs in the options, and one may be there
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
    items = items_of(plan, GatewayConfig.resolve(credentials, plan))
    if frame is not None:
        items.of(frame)


def _log(estimate: Estimate) -> None:
    logger.info("%s", one_line(estimate))
