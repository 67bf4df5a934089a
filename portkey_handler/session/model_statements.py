"""Statements that create, retrain, show and drop engines and models."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExistsError, NotFoundError, OptionError, StatementError
from ..foreign_text import without_keys
from ..secret import MASK, revealed, sealed
from .catalog import Catalog, Engine, Model, now
from .done import Done
from .sql.parser import using
from .storages import EngineStorage, ModelStorage

if TYPE_CHECKING:
    import pandas as pd

HANDLER = "portkey"
#: MindsDB's default project; a model's name may have it as a prefix.
PROJECT = "mindsdb"
#: Options of CREATE MODEL and RETRAIN that a MindsDB server does not hand to the handler.
_HOST_OPTIONS = ("tag", "join_learn_process", "active")


class Models:
    """Runs the statements about engines and models.

    Args:
        catalog: The engines and models.
        handler_class: Returns the handler's class.
        shown_options: Returns the names of engine options whose values may be shown.
    """

    def __init__(
        self, catalog: Catalog, handler_class: Callable[[], Any], shown_options: Callable[[], frozenset[str]]
    ) -> None:
        self._catalog = catalog
        self._handler_class = handler_class
        self._shown_options = shown_options

    # ---- engines

    def create_engine(self, node: Any) -> Done:
        """CREATE ML_ENGINE."""
        name = single_name(node.name)
        if str(node.handler).lower() != HANDLER:
            raise NotFoundError(f"the handler {node.handler} is not here; write FROM {HANDLER}")
        if self._catalog.has_engine(name):
            if node.if_not_exists:
                return Done(f"engine {name} exists already, so nothing was changed")
            raise AlreadyExistsError(f"the engine {name} exists already; DROP ML_ENGINE {name}")
        _check_new(engine=name)
        node.params = options = sealed(using(node.params))
        storage = EngineStorage(name, options)
        handler = self._handler_class()(model_storage=None, engine_storage=storage)
        try:
            handler.create_engine(copy.deepcopy(options))
        finally:
            handler.close()
        self._catalog.add_engine(Engine(name, HANDLER, options))
        return Done(f"engine {name} was created")

    def drop_engine(self, node: Any) -> Done:
        """DROP ML_ENGINE."""
        name = single_name(node.name)
        if node.if_exists and not self._catalog.has_engine(name):
            return Done(f"there is no engine {name}, so nothing was changed")
        self._catalog.drop_engine(self._catalog.engine(name).name)
        return Done(f"engine {name} was dropped")

    def show_engines(self) -> pd.DataFrame:
        """Return every engine with its options; only values of options that hold no secret are shown."""
        import pandas as pd

        shown = self._shown_options()
        rows = [
            (
                engine.name,
                engine.handler,
                {key: _shown(key, revealed(value), shown) for key, value in engine.options.items()},
            )
            for engine in self._catalog.engines()
        ]
        found: pd.DataFrame = pd.DataFrame(rows, columns=["NAME", "HANDLER", "CONNECTION_DATA"], dtype=object)
        return found

    # ---- models

    def create(self, node: Any, rows: Callable[[Any], pd.DataFrame | None]) -> Done:
        """CREATE MODEL; `rows` runs its FROM (SELECT …)."""
        name = single_name(node.name)
        is_known = self._catalog.has_model(name)
        if is_known and not node.is_replace:
            if node.if_not_exists:
                return Done(f"model {name} exists already, so nothing was changed")
            raise AlreadyExistsError(
                f"the model {name} exists already; CREATE OR REPLACE MODEL, or RETRAIN {name}"
            )
        _check_new(model=name)
        options = _model_options(node)
        engine = self._engine(options.pop("engine", None), name)
        target = _target(node)
        args = {"target": target, "using": options}
        self._handler_class().create_validation(
            target, copy.deepcopy(args), EngineStorage(engine.name, engine.options)
        )
        storage = ModelStorage(name)
        self._create(engine, storage, args, rows(node))
        model = Model(
            name, 1, engine.name, target, now(), query=node.query_str, using=options, storage=storage.content
        )
        self._catalog.add_model(model, replace=node.is_replace)
        return Done(f"model {name} was {'replaced' if is_known else 'created'}")

    def retrain(self, node: Any, rows: Callable[[Any], pd.DataFrame | None]) -> Done:
        """RETRAIN: a new version that keeps the earlier arguments and overlays the new ones."""
        before = self._catalog.model(single_name(node.name))
        given = using(node.using)
        options = _model_options(node)
        engine = self._engine(options.pop("engine", before.engine), before.name)
        target = _target(node) if node.targets else before.target
        storage = ModelStorage(before.name, previous=ModelStorage(before.name, copy.deepcopy(before.storage)))
        self._create(engine, storage, {"target": target, "using": options}, rows(node))
        made = self._catalog.add_version(
            Model(
                before.name,
                0,
                engine.name,
                target,
                now(),
                active=given.get("active", True) not in (False, 0, "false"),
                query=node.query_str or before.query,
                using={**before.using, **options},
                storage=storage.content,
            )
        )
        which = "" if made.active else ", which is not active"
        return Done(f"model {made.name} has version {made.version}{which}")

    def drop(self, node: Any) -> Done:
        """DROP MODEL."""
        name = single_name(node.name)
        if node.if_exists and not self._catalog.has_model(name):
            return Done(f"there is no model {name}, so nothing was changed")
        name = self._catalog.model(name).name
        for model in self._catalog.models():
            if model.name == name:
                with self.opened(model) as handler:
                    handler.drop()
        self._catalog.drop_model(name)
        return Done(f"model {name} was dropped")

    def show(self) -> pd.DataFrame:
        """Return every version of every model."""
        import pandas as pd

        rows = [
            (model.name, model.engine, PROJECT, model.active, model.version, "complete", model.target, None,
             model.query, model.created)
            for model in self._catalog.models()
        ]  # fmt: skip
        columns = ["NAME", "ENGINE", "PROJECT", "ACTIVE", "VERSION", "STATUS", "PREDICT", "ERROR",
                   "SELECT_DATA_QUERY", "CREATED_AT"]  # fmt: skip
        found: pd.DataFrame = pd.DataFrame(rows, columns=columns)
        return found

    def describe(self, node: Any) -> pd.DataFrame:
        """DESCRIBE model and DESCRIBE model.table."""
        import pandas as pd

        parts = [str(part) for part in node.value.parts]
        if len(parts) > 1 and parts[0].lower() == PROJECT:
            parts = parts[1:]
        version = int(parts.pop(1)) if len(parts) > 1 and parts[1].isdigit() else None
        model = self._catalog.model(parts[0], version)
        with self.opened(model) as handler:
            tables: pd.DataFrame = handler.describe(parts[1] if len(parts) > 1 else None)
        if len(parts) > 1:
            return tables
        row = {
            "TABLES": [str(value) for value in tables.iloc[:, 0]],
            "NAME": model.name,
            "ENGINE": model.engine,
            "VERSION": model.version,
            "ACTIVE": model.active,
            "STATUS": "complete",
            "PREDICT": model.target,
            "ERROR": None,
            "SELECT_DATA_QUERY": model.query,
        }
        found: pd.DataFrame = pd.DataFrame([row])
        return found

    @contextmanager
    def opened(self, model: Model) -> Iterator[Any]:
        """Return the handler of a model inside a `with` block; the engine's options are read each time."""
        engine = self._catalog.engine(model.engine)
        handler = self._handler_class()(
            model_storage=self._catalog.storage(model),
            engine_storage=EngineStorage(engine.name, engine.options),
        )
        try:
            yield handler
        finally:
            handler.close()

    def _engine(self, name: Any, model: str) -> Engine:
        engines = ", ".join(engine.name for engine in self._catalog.engines())
        if name is None:
            hint = f"engines: {engines}" if engines else "CREATE ML_ENGINE e FROM portkey makes one"
            raise OptionError(f"the model {model} needs engine = '…' in USING; {hint}")
        if not isinstance(name, str):
            raise OptionError(f"engine must be an engine's name in quotes, got {type(name).__name__}")
        if name.lower() == HANDLER and not self._catalog.has_engine(name):
            # As in MindsDB: the handler's own name makes an engine without options.
            engine = Engine(HANDLER, HANDLER, {})
            self._catalog.add_engine(engine)
            return engine
        return self._catalog.engine(name)

    def _create(
        self, engine: Engine, storage: ModelStorage, args: dict[str, Any], rows: pd.DataFrame | None
    ) -> None:
        handler = self._handler_class()(
            model_storage=storage, engine_storage=EngineStorage(engine.name, engine.options)
        )
        try:
            handler.create(args["target"], df=rows, args=copy.deepcopy(args))
        finally:
            handler.close()


def _check_new(**names: str) -> None:
    from ..options import check_new_names  # loads what a query without models does not need

    check_new_names(**names)


def single_name(identifier: Any) -> str:
    """Return the name of an engine or a model without the project before it.

    Raises:
        StatementError: The name has another prefix.
    """
    parts = [str(part) for part in identifier.parts]
    if len(parts) == 2 and parts[0].lower() == PROJECT:
        parts = parts[1:]
    if len(parts) != 1:
        raise StatementError(f"{'.'.join(parts)}: only the project {PROJECT} can stand in front of a name")
    if not parts[0].isprintable():
        raise StatementError(f"the name {parts[0]!r} has a control character in it; choose another")
    return parts[0]


def _target(node: Any) -> str:
    if not node.targets or len(node.targets) != 1:
        raise StatementError("PREDICT takes one column")
    for word in ("order_by", "group_by", "window", "horizon"):
        if getattr(node, word, None):
            raise StatementError(
                f"{word.upper().replace('_', ' ')} is for forecasts, which this engine does not make"
            )
    return str(node.targets[0].parts[-1])


def _model_options(node: Any) -> dict[str, Any]:
    return {name: value for name, value in using(node.using).items() if name not in _HOST_OPTIONS}


def _shown(name: str, value: Any, shown: frozenset[str]) -> Any:
    if name not in shown or isinstance(value, dict | list):
        return MASK
    # user@ in an address is a key, too.
    return without_keys(re.sub(r"//[^/@]*@", f"//{MASK}@", value)) if isinstance(value, str) else value


def find_model(models: Sequence[Model], identifier: Any) -> Model | None:
    """Return the model, in the version, of a name in FROM; None where it is no model."""
    parts = [str(part).lower() for part in identifier.parts]
    if len(parts) > 1 and parts[0] == PROJECT:
        parts = parts[1:]
    version = int(parts.pop()) if len(parts) == 2 and parts[1].isdigit() else None
    if len(parts) != 1:
        return None
    versions = [model for model in models if model.name.lower() == parts[0]]
    for model in versions:
        if model.version == version or (version is None and model.active):
            return model
    if versions:
        numbers = ", ".join(str(model.version) for model in versions)
        raise NotFoundError(f"the model {versions[0].name} has no version {version}; there are: {numbers}")
    return None
