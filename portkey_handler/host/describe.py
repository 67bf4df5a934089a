"""DESCRIBE: the options in force and their sources, earlier queries, their usage and their errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from ..foreign_text import without_keys
from ..options import OPTIONS, Plan, Resolved
from ..usage.estimate.dry_run import dry_run_listener, kept_estimate
from ..usage.estimate.wording import table
from ..usage.kept_prompts import KeptPrompts
from ..usage.query_usage import ModelUsage
from ..usage.run_history import RunHistory
from ..usage.run_record import RunRecord, share_of
from .batch_rows import BATCH_COLUMNS, batches_of
from .data_dir import data_dir
from .doctor.checks import check_data_dir, check_gateway
from .moments import moment

if TYPE_CHECKING:
    import pandas as pd

_OPTION_COLUMNS = ("option", "value", "source")
_USED_COLUMNS = (
    *("prompt_tokens", "completion_tokens", "cached_tokens", "cached_share", "cache_write_tokens"),
    *("cost", "unpriced"),
)
_USAGE_COLUMNS = (
    *("day", "model", "queries", "rows", "requests", "answered", "failed", "kept"),
    *_USED_COLUMNS,
    *("p50_ms", "p95_ms", "p99_ms"),
)
_ESTIMATE_COLUMNS = ("what", "value")
_CHECK_COLUMNS = ("what", "state", "words", "remedy")
_ERROR_COLUMNS = ("time", "row", "reason", "status", "trace_id", "span_id")
_ANSWER_COLUMNS = (
    *("time", "row", "prompt", "answer", "reason", "model", "kept_from"),
    *("trace_id", "span_id"),
)
#: The table that only a model with keep_prompts has.
_KEPT = "answers"
_RUN_COLUMNS = (
    *("started", "seconds", "rows", "distinct", "requests", "answered", "failed", "kept", "copies"),
    *("unasked", "cut_off", *_USED_COLUMNS, "trace_id", "ended", "planned"),
)


def describe_tables(attribute: str | list[str] | None, resolved: Resolved) -> pd.DataFrame:
    """Describe a model.

    Args:
        attribute: A table's name; None lists the tables.
        resolved: The options in force.

    Returns:
        For None one column, `tables`. For `args` and `engine`, a row per option in force: `option`, `value`
        (`******` where secret) and `source` (default, environment, engine or model). For `usage` a row per
        day (in UTC) and model that answered, for `errors` one per failed row, for `runs` one per query, each
        newest first. For `estimate` the result of the last dry run, as rows of `what` and `value`; no rows
        without a dry run. For `answers`, which only a model with `keep_prompts = true` has, one per row that
        was asked, newest first. For `check` a row per thing that was examined now, the engine's gateway
        first: `what`, `state` (ok, warning or wrong), `words` and `remedy`. For `batches` a row per batch of
        the last weeks, newest first, as it was when it was last looked at.

    Raises:
        NotFoundError: There is no table of that name.
        PortkeyHandlerError: The records cannot be read.
    """
    import pandas as pd

    known = [name for name in TABLES if name != _KEPT or resolved.plan.output.keep_prompts]
    if not attribute:
        tables: pd.DataFrame = pd.DataFrame({"tables": known})
        return tables
    name = str(attribute[0] if isinstance(attribute, list) else attribute).lower()
    if name not in TABLES:
        raise NotFoundError(f"a model has no table '{name}' to describe; it has {', '.join(known)}")
    if name not in known:
        raise NotFoundError(
            f"{resolved.plan.name} keeps no prompts and answers; to keep those of later queries on disk: "
            f"RETRAIN {resolved.plan.name} USING keep_prompts = true"
        )
    return TABLES[name](resolved)


def _args(resolved: Resolved) -> pd.DataFrame:
    return _frame(_OPTION_COLUMNS, _options(resolved))


def _engine(resolved: Resolved) -> pd.DataFrame:
    mine = (
        row
        for row in _options(resolved)
        if row[0] in OPTIONS and OPTIONS[row[0]].section in ("gateway", "routing")
    )
    return _frame(_OPTION_COLUMNS, mine)


def _options(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    for option, origin in sorted(resolved.origins.items()):
        yield option, _shown(origin.value), origin.level or "default"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "NULL" if value is None else without_keys(str(value))


def _usage(resolved: Resolved) -> pd.DataFrame:
    rows = (
        (
            *(
                day.day,
                day.answered_by,
                day.queries,
                day.rows,
                day.requests,
                day.answered,
                day.failed,
                day.kept,
            ),
            *_tokens(day.use),
            *(_cost(day.use.cost, day.use.unpriced), day.use.unpriced),
            *map(day.use.latencies.quantile, (0.50, 0.95, 0.99)),
        )
        for day in RunHistory(data_dir()).usage(*_who(resolved.plan))
    )
    return _frame(_USAGE_COLUMNS, rows)


def _errors(resolved: Resolved) -> pd.DataFrame:
    rows = (
        (moment(one.at), one.row, one.reason, one.status, one.trace_id, one.span_id)
        for one in RunHistory(data_dir()).failures(*_who(resolved.plan))
    )
    return _frame(_ERROR_COLUMNS, rows)


def _runs(resolved: Resolved) -> pd.DataFrame:
    rows = (
        (
            *(moment(run.started), round(run.seconds, 3), run.rows, run.distinct_items, run.requests),
            *(run.answered, run.failed, run.kept, run.copies, run.unasked, run.cut_off),
            *_tokens(run),
            *(_cost(run.cost, run.unpriced), run.unpriced, run.trace_id, run.ended, run.planned),
        )
        for run in RunHistory(data_dir()).runs(*_who(resolved.plan))
    )
    return _frame(_RUN_COLUMNS, rows)


def _estimate(resolved: Resolved) -> pd.DataFrame:
    found = kept_estimate(data_dir(), *_who(resolved.plan))
    return _frame(_ESTIMATE_COLUMNS, [] if found is None else table(found))


def _check(resolved: Resolved) -> pd.DataFrame:
    engine = f"engine {resolved.plan.engine}"
    asked = [] if dry_run_listener() is not None else [check_gateway(resolved.credentials, engine)]
    found = (*asked, *check_data_dir(data_dir()))
    return _frame(_CHECK_COLUMNS, ((one.what, one.state, one.words, one.remedy or None) for one in found))


def _answers(resolved: Resolved) -> pd.DataFrame:
    rows = (
        (
            *(moment(one.at), one.row, one.prompt, one.answer, one.reason, one.model),
            *(None if one.kept_from is None else moment(one.kept_from), one.trace_id, one.span_id),
        )
        for one in KeptPrompts(data_dir(), *_who(resolved.plan)).rows()
    )
    return _frame(_ANSWER_COLUMNS, rows)


def _batches(resolved: Resolved) -> pd.DataFrame:
    return _frame(BATCH_COLUMNS, batches_of(*_who(resolved.plan)))


def _who(plan: Plan) -> tuple[str, str]:
    return plan.engine, plan.name


def _tokens(use: ModelUsage | RunRecord) -> tuple[int, int, int, float | None, int]:
    share = share_of(use.cached_tokens, use.prompt_tokens)
    cached = (use.cached_tokens, None if share is None else round(share, 3), use.cache_write_tokens)
    return use.prompt_tokens, use.completion_tokens, *cached


def _cost(known: float, unpriced: int) -> float | None:
    """Return US dollars, or None where there are answers and none of them has a known price."""
    return None if unpriced and not known else known


def _frame(columns: tuple[str, ...], rows: Any) -> pd.DataFrame:
    import pandas as pd

    # Int64 keeps whole numbers whole in a column with NULL.
    frame: pd.DataFrame = pd.DataFrame(list(rows), columns=list(columns), dtype="object")
    return frame


#: The tables of a model, and the functions that make them.
TABLES: dict[str, Callable[[Resolved], pd.DataFrame]] = {
    "args": _args,
    "engine": _engine,
    "usage": _usage,
    "errors": _errors,
    "runs": _runs,
    "estimate": _estimate,
    "check": _check,
    "batches": _batches,
    _KEPT: _answers,
}
