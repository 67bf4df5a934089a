"""The MindsDB ML engine `portkey`: lifecycle hooks, nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .errors import PortkeyHandlerError, UsageError, alone
from .foreign_text import logger_of
from .gateway.config_object import check_config
from .host import adapter as host
from .options import Resolved, check_new_names, overlay, resolve, resolve_engine
from .secret import forgetting, sealed
from .usage.estimate.dry_run import dry_run_listener

if TYPE_CHECKING:
    import pandas as pd

    from .predictor import QueryInParts

logger = logger_of(__name__)

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def _briefly(hook: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Let no keys go along with an error, and shorten our own, because MindsDB shows it to the user."""

    @wraps(hook)
    def brief(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            with alone(), forgetting():
                return hook(*args, **kwargs)
        except BaseException as error:
            del args, kwargs  # this frame is still running, and MindsDB hands keys over in plain texts
            if not isinstance(error, PortkeyHandlerError) or not host.runs_in_mindsdb():
                raise
            raise error.with_traceback(None) from None

    return brief


class PortkeyHandler(host.BaseMLEngine):
    """Runs language models over rows, through the Portkey AI gateway.

    The engine's options are read for every call, so that a changed key is used at once; nothing is kept
    between calls, but inside `in_parts`.
    """

    name = "portkey"

    def __init__(self, model_storage: Any, engine_storage: Any, **kwargs: Any) -> None:
        super().__init__(model_storage, engine_storage, **kwargs)
        self._parts: QueryInParts | None = None
        self.generative = True  # the target is a new column, and not one of the data to learn from

    @_briefly
    def create_engine(self, connection_args: Mapping[str, Any]) -> None:
        """Check CREATE ML_ENGINE's options, and probe the gateway once unless `check = false`.

        Raises:
            OptionError: An option is wrong.
            AuthenticationError: The gateway does not accept the key.
            ConnectError: The gateway cannot be reached.
        """
        check_new_names(engine=host.engine_name(self.engine_storage) or "")
        connection_args = sealed(connection_args or {})
        credentials, execution = resolve_engine(connection_args, os.environ)
        check_config(credentials)
        if execution.check and dry_run_listener() is None:
            from .execution.event_loop import run_sync
            from .host.local_server import probe

            run_sync(probe(credentials))

    def update_engine(self, connection_args: Mapping[str, Any]) -> None:
        """Check changed options of the engine as `create_engine` does."""
        self.create_engine(connection_args)

    @staticmethod
    @_briefly
    def create_validation(
        target: str, args: Mapping[str, Any] | None = None, handler_storage: Any = None
    ) -> None:
        """Check CREATE MODEL's options before the model is made.

        Raises:
            OptionError: An option is wrong.
            TemplateError: A template is wrong.
        """
        from .predictor import check

        check_new_names(target=_name(target))
        using = (args or {}).get("using") or {}
        engine = sealed(handler_storage.get_connection_args() or {}) if handler_storage is not None else {}
        resolved = resolve(target=_name(target), engine=engine, model=using, environment=os.environ)
        check(resolved.plan, resolved.credentials)

    @_briefly
    def create(
        self, target: str, df: pd.DataFrame | None = None, args: Mapping[str, Any] | None = None
    ) -> None:
        """Store CREATE MODEL's options; those of RETRAIN overlay the earlier ones.

        Args:
            target: The column of the answers.
            df: Rows of CREATE MODEL … FROM, to check the columns against; or None.
            args: The host's arguments; `using` holds the options.
        """
        from .predictor import answer_columns, check

        using = dict((args or {}).get("using") or {})
        earlier = host.earlier_arguments(self.model_storage)
        if earlier is not None:
            using = overlay(earlier["using"], using)
        check_new_names(model=host.model_name(self.model_storage) or "")
        resolved = self._resolve(_name(target), using)
        check(resolved.plan, resolved.credentials, df)
        model = resolved.origins.get("model")
        if model is not None and model.level is None:
            logger.warning(
                "no model was given, so %s is asked, which is an old one; write model = '…' in CREATE MODEL",
                model.value,
            )
        if not resolved.plan.output.keep_prompts:
            self._forget_prompts()
        self.model_storage.json_set("args", {"target": _name(target), "using": using})
        host.keep_columns(answer_columns(resolved.plan), self.model_storage)

    @_briefly
    def update(self, args: Mapping[str, Any] | None = None) -> None:
        """Overlay options of a model, in the version that is there. MindsDB's REST API calls it.

        Args:
            args: The body's `problem_definition`; `using` holds the options.

        Raises:
            UsageError: There is no `using`.
            OptionError: An option is wrong; the model stays as it is.
        """
        from .predictor import answer_columns, check

        using = (args or {}).get("using")
        if not isinstance(using, Mapping):
            raise UsageError('options of a model stand in {"problem_definition": {"using": {…}}}')
        kept = self._kept()
        using = overlay(kept["using"], using)
        resolved = self._resolve(kept["target"], using)
        check(resolved.plan, resolved.credentials)
        if not resolved.plan.output.keep_prompts:
            self._forget_prompts()
        self.model_storage.json_set("args", {"target": kept["target"], "using": using})
        host.keep_columns(answer_columns(resolved.plan), self.model_storage)

    #: MindsDB 26.1 looks for the hook under this name.
    upgate = update

    @_briefly
    def predict(self, df: pd.DataFrame, args: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Answer the rows of `df`, which is not changed.

        Args:
            df: The rows.
            args: The host's arguments; `using` holds SELECT … USING.

        Returns:
            A frame with the index of `df` and own columns only.
        """
        from .predictor import Predictor, answer_columns

        kept = self._kept()
        resolved = self._resolve(kept["target"], kept["using"], (args or {}).get("using"))
        frame = host.receive(df, self.model_storage)
        host.check_no_answers(frame, answer_columns(resolved.plan), self.model_storage)
        names = host.row_names(frame, self.model_storage)
        if self._parts is not None and len(frame):
            answers = self._parts(resolved.plan, frame, resolved.credentials, names)
        else:
            answers = Predictor(resolved.plan)(frame, resolved.credentials, names)
        return host.deliver(answers, self.model_storage)

    @contextmanager
    def in_parts(self) -> Iterator[None]:
        """Make one query of all `predict` inside the `with` block: their rows are parts of one table.

        It has one record, one budget and one line at its end. The session calls it; MindsDB has no such hook.
        """
        from .predictor import QueryInParts

        with QueryInParts() as parts:
            self._parts = parts
            try:
                yield
            finally:
                self._parts = None

    def price_of_a_row(self) -> tuple[float | None, float | None]:
        """Return what a row has cost so far, in dollars and in tokens, inside `in_parts`; None: not known."""
        return (0.0, 0.0) if self._parts is None else self._parts.price_of_a_row()

    @property
    def is_in_doubt(self) -> bool:
        """Whether rows have failed and none was answered so far, inside `in_parts`."""
        return self._parts is not None and self._parts.is_in_doubt

    def note_share(self, condition: str, rows: int, kept: int) -> None:
        """Note how many rows a condition on the answers has kept, inside `in_parts`."""
        if self._parts is not None:
            self._parts.note_share(condition, rows, kept)

    def earlier_share(self, condition: str) -> tuple[int, int, float | None, float | None] | None:
        """Return what earlier queries tell of a condition on the answers; see `predictor.earlier_share`."""
        from .predictor import earlier_share

        names = host.engine_name(self.engine_storage) or "", host.model_name(self.model_storage) or ""
        return earlier_share(*names, condition)

    def names_one_of(self, columns: Iterable[str], query: Mapping[str, Any]) -> bool:
        """Return whether the options of the model, or those of a query, may name one of some columns."""
        written = json.dumps([self._kept()["using"], dict(query)], default=str, ensure_ascii=False).lower()
        return any(str(name).lower() in written for name in columns)

    @_briefly
    def describe(self, attribute: str | list[str] | None = None) -> pd.DataFrame:
        """Return one table about the model, or the list of its tables without `attribute`."""
        from .host.describe import describe_tables

        kept = self._kept()
        return describe_tables(attribute, self._resolve(kept["target"], kept["using"]))

    @_briefly
    def drop(self) -> None:
        """Delete what is kept of the model's prompts. The session calls it; MindsDB has no such hook."""
        self._forget_prompts()

    def finetune(  # the host's signature
        self,
        df: pd.DataFrame | None = None,  # noqa: ARG002
        args: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Raise an error: models behind the gateway are not trained here."""
        raise UsageError(
            "a model behind the gateway is not trained from SQL; fine-tune it at its provider and name the "
            "result by RETRAIN … USING model = '…'"
        )

    def close(self) -> None:
        """Do nothing: nothing is kept between calls, and MindsDB continues to use the handler."""

    def _forget_prompts(self) -> None:
        if dry_run_listener() is not None:
            return
        from .host.data_dir import data_dir
        from .usage.kept_prompts import KeptPrompts

        names = host.engine_name(self.engine_storage) or "", host.model_name(self.model_storage) or ""
        KeptPrompts(data_dir(), *names).forget()

    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] | None = self.model_storage.json_get("args")
        if not kept:
            raise UsageError("the model has no stored arguments; create it anew by CREATE OR REPLACE MODEL")
        return kept

    def _resolve(
        self, target: str, using: Mapping[str, Any], query: Mapping[str, Any] | None = None
    ) -> Resolved:
        return resolve(
            target=target,
            engine=sealed(self.engine_storage.get_connection_args() or {}),
            model=using,
            query=query,
            environment=os.environ,
            engine_name=host.engine_name(self.engine_storage) or "",
            model_name=host.model_name(self.model_storage) or "",
        )


def _name(target: Any) -> str:
    """Return the target's name; MindsDB hands it over as a text or as a list of one text."""
    return str(target[0] if isinstance(target, (list, tuple)) else target)
